// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string_view>
#include <unordered_map>
#include <vector>

#include "cordata/ir/graph.h"
#include "cordata/ir/text/cursor.h"

namespace cordata::ir::text {

// The values that can be named at a place of the text. Most names are numbers that count up: those have a
// table.
class Scope {
 public:
  struct Slot {
    ValueId first;  // invalid: its values are not neighbours
    int count = 0;  // of results under that name
  };

  const Slot* find(std::string_view name) const {
    size_t n = number(name);
    if (n < numbered_.size() && numbered_[n].count > 0) return &numbered_[n];
    auto it = named_.find(name);
    return it == named_.end() ? nullptr : &it->second;
  }

  // False if there is one of that name.
  bool define(std::string_view name, Slot slot) {
    if (find(name)) return false;
    size_t n = number(name);
    if (n < 2 * ++defined_ + 64) {  // so that no name can ask for a large table
      if (n >= numbered_.size()) numbered_.resize(n + 1);
      numbered_[n] = slot;
    } else {
      named_.emplace(name, slot);
    }
    if (open_ > 0) order_.push_back(name);
    return true;
  }

  // Names defined after a mark are forgotten where their region ends.
  size_t mark() {
    ++open_;
    return order_.size();
  }
  void forget(size_t mark) {
    --open_;
    for (; order_.size() > mark; order_.pop_back()) {
      size_t n = number(order_.back());
      if (n < numbered_.size() && numbered_[n].count > 0)
        numbered_[n] = {};
      else
        named_.erase(order_.back());
    }
  }

 private:
  static constexpr size_t kNone = ~size_t{0};

  // The number that a name is; names such as "007" are none.
  static size_t number(std::string_view name) {
    if (name.empty() || name.size() > 9 || (name[0] == '0' && name.size() > 1)) return kNone;
    size_t n = 0;
    for (char c : name) {
      if (!is_digit(c)) return kNone;
      n = 10 * n + (c - '0');
    }
    return n;
  }

  std::vector<Slot> numbered_;
  std::unordered_map<std::string_view, Slot> named_;
  std::vector<std::string_view> order_;  // names defined since the outermost open mark
  size_t defined_ = 0;
  int open_ = 0;  // marks whose names are not forgotten yet
};

}  // namespace cordata::ir::text
