// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <memory>
#include <span>

namespace cordata::ir {

// Bytes that their holders share. Whoever makes them fills them in before handing them on; after that they
// stay.
class Bytes {
 public:
  Bytes() = default;
  explicit Bytes(size_t size) : size_(size), data_(std::make_shared_for_overwrite<std::byte[]>(size)) {}
  explicit Bytes(std::span<const std::byte> from);

  std::byte* fill() { return data_.get(); }  // to write them, by their maker
  std::span<const std::byte> span() const { return {data_.get(), size_}; }
  size_t size() const { return size_; }
  explicit operator bool() const { return data_ != nullptr; }

 private:
  size_t size_ = 0;
  std::shared_ptr<std::byte[]> data_;
};

}  // namespace cordata::ir
