// SPDX-License-Identifier: Apache-2.0
#include "cordata/step/random.h"

#include <cmath>
#include <numbers>

namespace cordata::step {
namespace {

constexpr uint64_t kGolden = 0x9e3779b97f4a7c15;

uint64_t mix(uint64_t z) {
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
  z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
  return z ^ (z >> 31);
}

// FNV-1a, 64 bits.
uint64_t hash(std::string_view text) {
  uint64_t h = 0xcbf29ce484222325;
  for (unsigned char c : text) h = (h ^ c) * 0x100000001b3;
  return h;
}

}  // namespace

RandomStream::RandomStream(uint64_t seed, std::string_view name)
    : key_(mix(mix(seed + kGolden) ^ hash(name))) {}

RandomStream RandomStream::sub(uint64_t index) const {
  return RandomStream(mix(key_ ^ mix(index + kGolden)));
}

uint64_t RandomStream::bits(uint64_t i) const { return mix(key_ ^ mix((i + 1) * kGolden)); }

double RandomStream::uniform(uint64_t i) const { return static_cast<double>(bits(i) >> 11) * 0x1p-53; }

double RandomStream::normal(uint64_t i) const {
  double radius = std::sqrt(-2.0 * std::log(1.0 - uniform(2 * i)));
  return radius * std::cos(2.0 * std::numbers::pi * uniform(2 * i + 1));
}

}  // namespace cordata::step
