// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

namespace cordata::base {

// SHA-256 (FIPS 180-4) of bytes that come in pieces: files that people can check with sha256sum.
class Sha256 {
 public:
  void add(std::span<const std::byte> bytes);
  std::string hex();  // of all that was added; ends it

 private:
  void block(const std::byte* bytes);

  std::array<uint32_t, 8> state_ = {0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a,
                                    0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19};
  std::array<std::byte, 64> rest_{};
  uint64_t size_ = 0;
};

// Of a file's bytes. Throws a user error when it can't be read.
std::string sha256_of_file(const std::string& path);

}  // namespace cordata::base
