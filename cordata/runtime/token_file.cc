// SPDX-License-Identifier: Apache-2.0
#include "cordata/runtime/token_file.h"

#include <cstring>

#include "cordata/base/error.h"

namespace cordata::runtime {
namespace {

int width_of(const std::string& path) {
  if (path.ends_with(".u16")) return 2;
  if (path.ends_with(".u32")) return 4;
  return 1;
}

}  // namespace

TokenFile::TokenFile(const std::string& path) : path_(path), width_(width_of(path)), file_(path) {
  if (file_.size() % width_ == 0) return;
  throw base::user_error(
      "[runtime.data] wanted a file of tokens, got {}, whose {} bytes are no whole number of {}-byte ids",
      path, file_.size(), width_);
}

int64_t TokenFile::operator[](int64_t i) const {
  uint32_t token = 0;
  std::memcpy(&token, file_.data() + i * width_, width_);
  return token;
}

void TokenFile::check(int64_t i, int64_t vocabulary) const {
  if (vocabulary == 0 || (*this)[i] < vocabulary) return;
  throw base::user_error(
      "[runtime.data] wanted tokens below {} (the model's vocabulary), got {} at token {} of {}; try "
      "vocab={}",
      vocabulary, (*this)[i], i, path_, largest_possible() < 256 ? 256 : (*this)[i] + 1);
}

int64_t shuffled(const step::RandomStream& stream, int64_t i, int64_t n) {
  int half = 1;  // bits of each half
  while ((uint64_t{1} << (2 * half)) < static_cast<uint64_t>(n)) ++half;
  const uint64_t mask = (uint64_t{1} << half) - 1;
  auto x = static_cast<uint64_t>(i);
  do {
    uint64_t left = x >> half, right = x & mask;
    for (uint64_t round = 0; round < 4; ++round) {
      const uint64_t mixed = left ^ (stream.bits(round << half | right) & mask);
      left = right;
      right = mixed;
    }
    x = left << half | right;
  } while (x >= static_cast<uint64_t>(n));
  return static_cast<int64_t>(x);
}

}  // namespace cordata::runtime
