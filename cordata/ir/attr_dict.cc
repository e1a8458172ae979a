// SPDX-License-Identifier: Apache-2.0
#include "cordata/ir/attr_dict.h"

#include <algorithm>
#include <mutex>
#include <new>
#include <unordered_set>

#include "cordata/ir/attribute.h"

namespace cordata::ir {
namespace {

struct TextHash {
  using is_transparent = void;
  size_t operator()(std::string_view s) const { return std::hash<std::string_view>()(s); }
};

// Never freed: names outlive every static dict.
const std::string* the_one(std::string_view text) {
  static auto* names = new std::unordered_set<std::string, TextHash, std::equal_to<>>;
  static auto* mutex = new std::mutex;
  std::lock_guard lock(*mutex);
  auto it = names->find(text);
  return &*(it != names->end() ? it : names->emplace(text).first);
}

}  // namespace

AttrName::AttrName(std::string_view text) : text_(the_one(text)) {}

struct AttrDict::Block {
  std::atomic<uint32_t> holders = 1;
  uint32_t size = 0;
  // The entries follow.
  Entry* entries() { return reinterpret_cast<Entry*>(this + 1); }
};

AttrDict::Block* AttrDict::allocate(size_t room) {
  static_assert(sizeof(Block) % alignof(Entry) == 0);
  return new (::operator new(sizeof(Block) + room * sizeof(Entry))) Block;
}

AttrDict::AttrDict(std::initializer_list<Entry> entries) {
  for (const Entry& e : entries) emplace(e.first, e.second);
}

AttrDict::AttrDict(const AttrDict& o) : block_(o.block_) {
  if (block_) block_->holders.fetch_add(1, std::memory_order_relaxed);
}

void AttrDict::release() {
  if (block_->holders.fetch_sub(1, std::memory_order_acq_rel) > 1) return;
  std::destroy_n(block_->entries(), block_->size);
  ::operator delete(block_);
}

void AttrDict::own() {
  if (!shared()) return;
  Block* mine = allocate(size());
  std::uninitialized_copy_n(block_->entries(), size(), mine->entries());
  mine->size = block_->size;
  release();
  block_ = mine;
}

AttrDict::const_iterator AttrDict::begin() const { return block_ ? block_->entries() : nullptr; }
size_t AttrDict::size() const { return block_ ? block_->size : 0; }
bool AttrDict::shared() const { return block_ && block_->holders.load(std::memory_order_acquire) > 1; }

AttrDict::const_iterator AttrDict::find(std::string_view name) const {
  return std::find_if(begin(), end(), [&](const Entry& e) { return e.first == name; });
}

std::pair<AttrDict::const_iterator, bool> AttrDict::emplace(AttrName name, Attribute value) {
  size_t at =
      std::find_if(begin(), end(), [&](const Entry& e) { return e.first.text() >= name.text(); }) - begin();
  if (at < size() && begin()[at].first == name) return {begin() + at, false};
  Block* wider = allocate(size() + 1);
  std::uninitialized_copy(begin(), begin() + at, wider->entries());
  new (wider->entries() + at) Entry{name, std::move(value)};
  std::uninitialized_copy(begin() + at, end(), wider->entries() + at + 1);
  wider->size = static_cast<uint32_t>(size()) + 1;
  if (block_) release();
  block_ = wider;
  return {begin() + at, true};
}

Attribute& AttrDict::operator[](AttrName name) {
  size_t at = emplace(name, Attribute()).first - begin();
  own();
  return block_->entries()[at].second;
}

void AttrDict::insert_or_assign(AttrName name, Attribute value) { (*this)[name] = std::move(value); }

void AttrDict::erase(const_iterator at) {
  size_t i = at - begin();
  own();
  std::move(block_->entries() + i + 1, block_->entries() + block_->size, block_->entries() + i);
  std::destroy_at(block_->entries() + --block_->size);
  if (block_->size == 0) release(), block_ = nullptr;
}

void AttrDict::erase(std::string_view name) {
  if (auto it = find(name); it != end()) erase(it);
}

bool AttrDict::operator==(const AttrDict& o) const {
  return block_ == o.block_ || std::equal(begin(), end(), o.begin(), o.end());
}

}  // namespace cordata::ir
