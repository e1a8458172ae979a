// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <bit>
#include <cstdint>
#include <cstring>
#include <initializer_list>
#include <span>
#include <vector>

namespace cordata::ir {

// A list of ids that holds up to three in place: what almost every op reads, in 16 bytes and without an
// allocation. Longer lists lie on the heap, their room always the next power of two.
template <typename Id>
class IdList {
 public:
  using value_type = Id;
  using const_iterator = const Id*;

  IdList() = default;
  IdList(std::span<const Id> ids) { assign(ids); }
  IdList(const std::vector<Id>& ids) { assign(ids); }
  IdList(std::initializer_list<Id> ids) { assign({ids.begin(), ids.size()}); }
  IdList(const IdList& o) { assign(o); }
  IdList(IdList&& o) noexcept { swap(o); }
  IdList& operator=(IdList o) noexcept { return swap(o), *this; }
  ~IdList() {
    if (on_heap()) delete[] heap();
  }

  const Id* data() const { return on_heap() ? heap() : here_; }
  size_t size() const { return size_; }
  bool empty() const { return size_ == 0; }
  const Id* begin() const { return data(); }
  const Id* end() const { return data() + size_; }
  const Id& operator[](size_t i) const { return data()[i]; }
  const Id& front() const { return *begin(); }
  const Id& back() const { return end()[-1]; }
  operator std::vector<Id>() const { return {begin(), end()}; }
  bool operator==(const IdList& o) const { return std::ranges::equal(*this, o); }

  void push_back(Id id) {
    if (size_ < kHere) {
      here_[size_++] = id;
      return;
    }
    if (size_ == kHere || std::has_single_bit(size_)) grow();
    heap()[size_++] = id;
  }

 private:
  static constexpr uint32_t kHere = 3;

  bool on_heap() const { return size_ > kHere; }
  Id* heap() const {
    Id* at;
    std::memcpy(&at, here_, sizeof at);
    return at;
  }
  void set_heap(Id* at) { std::memcpy(static_cast<void*>(here_), &at, sizeof at); }

  void assign(std::span<const Id> ids) {
    size_ = static_cast<uint32_t>(ids.size());
    if (on_heap()) set_heap(new Id[std::bit_ceil(size_)]);
    std::copy(ids.begin(), ids.end(), on_heap() ? heap() : here_);
  }
  // Room for one more than a full list; size_ is left to the caller, who is about to make the list longer
  // than kHere.
  void grow() {
    Id* wider = new Id[std::bit_ceil(size_ + 1)];
    std::copy(begin(), end(), wider);
    if (on_heap()) delete[] heap();
    set_heap(wider);
  }
  void swap(IdList& o) noexcept {
    std::swap(size_, o.size_);
    std::swap(here_, o.here_);
  }

  uint32_t size_ = 0;
  Id here_[kHere];  // or the address of the heap's array in its first bytes
};

}  // namespace cordata::ir
