// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

#include "cordata/base/mapped_file.h"
#include "cordata/step/random.h"

namespace cordata::runtime {

// A file of tokens, mapped: only what is looked at is read. *.u16 and *.u32 hold little-endian ids; any other
// file is its bytes. Throws user errors: missing, a directory, empty, not a whole number of ids.
class TokenFile {
 public:
  explicit TokenFile(const std::string& path);

  int64_t size() const { return file_.size() / width_; }
  int width() const { return width_; }  // bytes of one token
  int64_t largest_possible() const { return (int64_t{1} << (8 * width_)) - 1; }
  int64_t operator[](int64_t i) const;
  // Throws a user error when token i isn't below `vocabulary` (0: any goes).
  void check(int64_t i, int64_t vocabulary) const;

 private:
  std::string path_;
  int width_ = 1;
  base::MappedFile file_;
};

// A permutation of 0 ... n - 1 drawn by `stream`: where `i` goes, without holding the others (a Feistel
// network over the next power of four, walked until it lands below n: Black and Rogaway, CT-RSA'02).
int64_t shuffled(const step::RandomStream& stream, int64_t i, int64_t n);

}  // namespace cordata::runtime
