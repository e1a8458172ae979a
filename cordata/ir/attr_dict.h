// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <compare>
#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>

namespace cordata::ir {

class Attribute;

// A name that stands once in memory for all that use it: 8 bytes, compared by its text.
class AttrName {
 public:
  AttrName(std::string_view text);
  AttrName(const std::string& text) : AttrName(std::string_view(text)) {}
  AttrName(const char* text) : AttrName(std::string_view(text)) {}

  const std::string& text() const { return *text_; }
  operator std::string_view() const { return *text_; }
  bool starts_with(std::string_view prefix) const { return text_->starts_with(prefix); }
  bool operator==(const AttrName& o) const { return text_ == o.text_; }
  bool operator==(std::string_view o) const { return *text_ == o; }
  bool operator==(const char* o) const { return *text_ == o; }

 private:
  const std::string* text_;
};

// Attributes by name, in the names' order. Copies share what they hold until one of them changes, so an op's
// attributes cost 8 bytes where another op has the same.
class AttrDict {
 public:
  struct Entry;
  using value_type = Entry;
  using const_iterator = const Entry*;

  AttrDict() = default;
  AttrDict(std::initializer_list<Entry> entries);
  AttrDict(const AttrDict& o);
  AttrDict(AttrDict&& o) noexcept : block_(std::exchange(o.block_, nullptr)) {}
  AttrDict& operator=(AttrDict o) noexcept { return std::swap(block_, o.block_), *this; }
  ~AttrDict() {
    if (block_) release();
  }

  const_iterator begin() const;
  const_iterator end() const;
  size_t size() const;
  bool empty() const { return block_ == nullptr; }
  const_iterator find(std::string_view name) const;
  bool contains(std::string_view name) const { return find(name) != end(); }

  std::pair<const_iterator, bool> emplace(AttrName name, Attribute value);  // false: it was there, and stays
  void insert_or_assign(AttrName name, Attribute value);
  Attribute& operator[](AttrName name);
  void erase(const_iterator at);
  void erase(std::string_view name);
  template <typename Condition>
  void erase_if(Condition condition);

  bool shared() const;  // with another AttrDict
  bool operator==(const AttrDict& o) const;

 private:
  struct Block;
  static Block* allocate(size_t room);
  void own();  // makes the block this dict's alone
  void release();

  Block* block_ = nullptr;  // null: empty
};

}  // namespace cordata::ir
