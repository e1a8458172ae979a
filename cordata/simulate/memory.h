// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

#include "cordata/base/error.h"
#include "cordata/ir/type.h"
#include "cordata/program/program.h"

namespace cordata::simulate {

// What one rank holds: buffers in slots, being received, and leaving.
class Memory {
 public:
  struct Buffer {
    ir::Type type;
    int leaving = 0;  // messages that read it and have not arrived
    int holders = 0;  // slots, receives under way and messages
  };
  using Ptr = std::shared_ptr<Buffer>;

  explicit Memory(int slots) : slots_(static_cast<size_t>(std::max(slots, 0))) {}

  Ptr make(const ir::Type& type, double now) {
    auto buffer = std::make_shared<Buffer>(Buffer{type});
    buffer->holders = 1;
    change(type.num_bytes(), now);
    return buffer;
  }
  void hold(const Ptr& buffer) { ++buffer->holders; }
  void drop(const Ptr& buffer, double now) {
    if (--buffer->holders == 0) change(-buffer->type.num_bytes(), now);
  }

  const Ptr& get(program::Slot slot) const {
    const Ptr& buffer = slots_.at(static_cast<size_t>(slot));
    if (!buffer)
      throw base::internal_error("[simulate] slot {} is read while it is empty; program::check says where",
                                 slot);
    return buffer;
  }
  void put(program::Slot slot, Ptr buffer) { slots_.at(static_cast<size_t>(slot)) = std::move(buffer); }
  void clear(program::Slot slot, double now) {
    Ptr& buffer = slots_.at(static_cast<size_t>(slot));
    if (buffer) drop(buffer, now);
    buffer = nullptr;
  }
  void move(program::Slot from, program::Slot to, double now) {
    Ptr buffer = get(from);
    slots_[static_cast<size_t>(from)] = nullptr;
    clear(to, now);
    put(to, std::move(buffer));
  }

  // For a while `bytes` more are held; less than nothing: no longer.
  void change(int64_t bytes, double now) {
    live_ += bytes;
    peak_ = std::max(peak_, live_);
    if (!curve_.empty() && curve_.back().first == now)
      curve_.back().second = live_;
    else
      curve_.emplace_back(now, live_);
  }

  int64_t peak() const { return peak_; }
  const std::vector<std::pair<double, int64_t>>& curve() const { return curve_; }

 private:
  std::vector<Ptr> slots_;
  int64_t live_ = 0, peak_ = 0;
  std::vector<std::pair<double, int64_t>> curve_;
};

}  // namespace cordata::simulate
