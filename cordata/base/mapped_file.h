// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

namespace cordata::base {

// A whole file in memory, read by the system where it is looked at and nowhere else.
class MappedFile {
 public:
  enum class Empty { kRefused, kAllowed };

  // Throws a user error when it is missing, no regular file, or empty where that is refused.
  explicit MappedFile(const std::string& path, Empty empty = Empty::kRefused);
  ~MappedFile();
  MappedFile(const MappedFile&) = delete;
  MappedFile& operator=(const MappedFile&) = delete;

  const std::byte* data() const { return data_; }
  int64_t size() const { return size_; }  // bytes

  // Gives memory back, of the pages that begin from byte `from` on and end before byte `to`. They come back
  // from the file when they are looked at again.
  void let_go(int64_t from, int64_t to) const;

 private:
  const std::byte* data_ = nullptr;
  int64_t size_ = 0;
};

}  // namespace cordata::base
