// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

namespace cordata::base {

// A whole file in memory, read by the system where it is looked at and nowhere else. Throws a user error when
// it is missing, no regular file, or empty.
class MappedFile {
 public:
  explicit MappedFile(const std::string& path);
  ~MappedFile();
  MappedFile(const MappedFile&) = delete;
  MappedFile& operator=(const MappedFile&) = delete;

  const std::byte* data() const { return data_; }
  int64_t size() const { return size_; }  // bytes

 private:
  const std::byte* data_ = nullptr;
  int64_t size_ = 0;
};

}  // namespace cordata::base
