// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string_view>

namespace cordata::step {

// Counter-based random numbers: element i of a stream is a pure function of (stream, i), so any slice of a
// tensor can be made alone, on any rank, in any order. The mixing is SplitMix64's finaliser (Steele, Lea,
// Flood: OOPSLA'14).
class RandomStream {
 public:
  // One stream for each (seed, name), e.g. a parameter's name.
  RandomStream(uint64_t seed, std::string_view name);
  // A stream of its own for each index of this one.
  RandomStream sub(uint64_t index) const;

  uint64_t bits(uint64_t i) const;
  double uniform(uint64_t i) const;  // in [0, 1), 53 bits
  double normal(uint64_t i) const;   // mean 0, variance 1 (Box and Muller)

 private:
  explicit RandomStream(uint64_t key) : key_(key) {}
  uint64_t key_;
};

}  // namespace cordata::step
