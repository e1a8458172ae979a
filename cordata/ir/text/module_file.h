// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>

#include "cordata/base/mapped_file.h"

namespace cordata::ir::text {

// A module's text in its file. What was read is let go of, so that reading a large file doesn't hold all of
// it.
class ModuleFile {
 public:
  // Throws a user error if it is no readable file. Of an empty one the reader says where it wanted a module.
  explicit ModuleFile(const std::string& path) : file_(path, base::MappedFile::Empty::kAllowed) {}

  std::string_view text() const {
    return {reinterpret_cast<const char*>(file_.data()), static_cast<size_t>(file_.size())};
  }
  void read_up_to(int64_t at) {
    if (at > kept_ + kStride) file_.let_go(kept_, at), kept_ = at;
  }
  void read_again() {  // from the start
    file_.let_go(0, file_.size());
    kept_ = 0;
  }

 private:
  static constexpr int64_t kStride = 8 << 20;

  base::MappedFile file_;
  int64_t kept_ = 0;  // the furthest place that was let go up to
};

}  // namespace cordata::ir::text
