// SPDX-License-Identifier: Apache-2.0
#include "cordata/runtime/token_file.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
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

TokenFile::TokenFile(const std::string& path) : path_(path), width_(width_of(path)) {
  int file = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  struct stat status{};
  if (file < 0 || ::fstat(file, &status) != 0) {
    throw base::user_error("[runtime.data] wanted a file to train on, got {}: {}", path, std::strerror(errno));
  }
  bytes_ = status.st_size;
  std::string wrong;
  if (!S_ISREG(status.st_mode)) wrong = "which is no file";
  else if (bytes_ == 0) wrong = "which is empty";
  else if (bytes_ % width_ != 0) wrong = fmt::format("whose {} bytes are no whole number of {}-byte ids", bytes_, width_);
  void* mapped = wrong.empty() ? ::mmap(nullptr, bytes_, PROT_READ, MAP_SHARED, file, 0) : nullptr;
  if (mapped == MAP_FAILED) wrong = std::strerror(errno);
  ::close(file);
  if (!wrong.empty()) throw base::user_error("[runtime.data] wanted a file of tokens, got {}, {}", path, wrong);
  data_ = static_cast<const std::byte*>(mapped);
}

TokenFile::~TokenFile() { ::munmap(const_cast<std::byte*>(data_), bytes_); }

int64_t TokenFile::operator[](int64_t i) const {
  uint32_t token = 0;
  std::memcpy(&token, data_ + i * width_, width_);
  return token;
}

void TokenFile::check(int64_t i, int64_t vocabulary) const {
  if (vocabulary == 0 || (*this)[i] < vocabulary) return;
  throw base::user_error("[runtime.data] wanted tokens below {} (the model's vocabulary), got {} at token {} of {}; try vocab={}",
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
