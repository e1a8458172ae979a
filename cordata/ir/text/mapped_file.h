// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace cordata::ir::text {

// A file's bytes, mapped into memory. What was read can be let go of, so that reading a large file doesn't
// hold all of it; read again, it comes back from the file.
class MappedFile {
 public:
  explicit MappedFile(const std::string& path);  // throws a user error if it is no readable file
  ~MappedFile();
  MappedFile(const MappedFile&) = delete;
  MappedFile& operator=(const MappedFile&) = delete;

  std::string_view text() const { return {data_, size_}; }
  void read_up_to(size_t at) {
    if (at > kept_ + kStride) let_go(at);
  }
  void read_again() {  // from the start
    let_go(size_);
    kept_ = 0;
  }

 private:
  static constexpr size_t kStride = 8 << 20;
  void let_go(size_t at);

  const char* data_ = nullptr;
  size_t size_ = 0;
  size_t kept_ = 0;  // the furthest place that was let go up to
};

}  // namespace cordata::ir::text
