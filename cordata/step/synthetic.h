// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <vector>

#include "cordata/ir/type.h"
#include "cordata/step/random.h"

namespace cordata::step {

// Data that can be learnt, out of nothing: a pure function of (kind, seed, sample), so the values are the
// same for any number of ranks. Sample k of step s has the number s * batch + k.
//   tokens   an order-1 Markov chain over the vocabulary: four likely successors for each token, low ids more
//   frequent.
//            Inputs of one sample are the same chain, the i-th token input shifted by i.
//   images   integer inputs: the class; float inputs: the class's prototype plus noise
//   vectors  the first float input is noise, later ones a fixed linear map of its first elements through
//            x / (1 + |x|); integer inputs: which row of such a map is largest
class SyntheticSource {
 public:
  struct Input {
    ir::Type sample;         // type of one sample: the batch input's type without its batch dim
    int64_t vocabulary = 0;  // token ids or classes: how many there are
  };

  // Throws a user error for an unknown kind, or an integer input without vocabulary.
  SyntheticSource(std::string kind, std::vector<Input> inputs, uint64_t seed);

  // One sample of one input, row-major; `out` has sample.num_bytes() bytes.
  void write(int input, int64_t sample, std::span<std::byte> out) const;

 private:
  void tokens(int input, int64_t sample, std::span<std::byte> out) const;
  void images(int input, int64_t sample, std::span<std::byte> out) const;
  void vectors(int input, int64_t sample, std::span<std::byte> out) const;
  int64_t next_token(int64_t token, double u, int64_t vocabulary) const;
  int64_t skewed(uint64_t bits, int64_t vocabulary) const;
  void make_teacher();

  std::string kind_;
  std::vector<Input> inputs_;
  RandomStream table_, samples_;
  size_t noise_ = 0;                         // vectors: the input that is noise,
  int64_t features_ = 0;                     // how many of its elements count,
  std::vector<std::vector<float>> teacher_;  // and by input the map's weights [features, rows]
};

// Writes a number as one element of that type, and moves `out` behind it.
void put_element(double value, ir::DType dtype, std::byte*& out);

}  // namespace cordata::step
