// SPDX-License-Identifier: Apache-2.0
#include "cordata/step/synthetic.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>
#include <numbers>

#include "cordata/base/error.h"

namespace cordata::step {
namespace {

constexpr double kLikely[] = {0.6, 0.8, 0.9,
                              0.96};  // cumulative chance of the four successors; else any token
constexpr double kNoise = 0.5;        // standard deviation around an image's prototype
constexpr int64_t kFeatures = 16;     // how many elements of a noise vector the others depend on

bool has_kind(const std::string& kind) { return kind == "tokens" || kind == "images" || kind == "vectors"; }

// Mean 0, variance 1: the sum of four uniform numbers of 16 bits (Irwin and Hall). A batch must cost little
// beside the step that trains on it, and a logarithm and a cosine for each of its elements would not.
double bell(const RandomStream& stream, uint64_t i) {
  const uint64_t bits = stream.bits(i);
  const uint64_t sum = (bits & 0xffff) + (bits >> 16 & 0xffff) + (bits >> 32 & 0xffff) + (bits >> 48);
  return (static_cast<double>(sum) - 2 * 65535.0) * (std::numbers::sqrt3 / 65535.0);
}

std::vector<double> bells(const RandomStream& stream, int64_t n) {
  std::vector<double> x(static_cast<size_t>(n));
  for (int64_t i = 0; i < n; ++i) x[i] = bell(stream, i);
  return x;
}

uint64_t element_bits(double value, ir::DType dtype) {
  if (ir::is_integer(dtype)) return static_cast<uint64_t>(static_cast<int64_t>(value));
  switch (dtype) {
    case ir::DType::kF64:
      return std::bit_cast<uint64_t>(value);
    case ir::DType::kF32:
      return std::bit_cast<uint32_t>(static_cast<float>(value));
    case ir::DType::kF16:
      return std::bit_cast<uint16_t>(static_cast<_Float16>(value));
    case ir::DType::kBF16: {
      uint32_t bits = std::bit_cast<uint32_t>(static_cast<float>(value));
      return (bits + 0x7fff + ((bits >> 16) & 1)) >> 16;  // to nearest even
    }
    default:
      throw base::user_error("[step.synthetic] no made-up data of type {}; try --data", ir::name(dtype));
  }
}

}  // namespace

void put_element(double value, ir::DType dtype, std::byte*& out) {
  size_t size = static_cast<size_t>(ir::bytes_per_element(dtype));
  uint64_t raw = element_bits(value, dtype);
  std::memcpy(out, &raw, size);  // little-endian
  out += size;
}

SyntheticSource::SyntheticSource(std::string kind, std::vector<Input> inputs, uint64_t seed)
    : kind_(std::move(kind)),
      inputs_(std::move(inputs)),
      table_(seed, "synthetic.table"),
      samples_(seed, "synthetic.samples") {
  if (!has_kind(kind_))
    throw base::user_error(
        "[step.synthetic] no made-up data of kind '{}'; try --data, or one of tokens, images, vectors in "
        "roles.json",
        kind_);
  for (size_t i = 0; i < inputs_.size(); ++i)
    if (ir::is_integer(inputs_[i].sample.dtype) && inputs_[i].vocabulary < 1)
      throw base::user_error(
          "[step.synthetic] batch input {} holds integers, but roles.json names no vocabulary for it", i);
  if (kind_ == "vectors" && !inputs_.empty()) make_teacher();
}

void SyntheticSource::write(int input, int64_t sample, std::span<std::byte> out) const {
  if (kind_ == "tokens")
    tokens(input, sample, out);
  else if (kind_ == "images")
    images(input, sample, out);
  else
    vectors(input, sample, out);
}

// Cubing a uniform number makes low ids frequent, so that there is something to learn in the first steps
// already.
int64_t SyntheticSource::skewed(uint64_t bits, int64_t vocabulary) const {
  double u = static_cast<double>(bits >> 11) * 0x1p-53;
  return std::min(vocabulary - 1, static_cast<int64_t>(u * u * u * static_cast<double>(vocabulary)));
}

int64_t SyntheticSource::next_token(int64_t token, double u, int64_t vocabulary) const {
  RandomStream successors = table_.sub(token);
  for (int k = 0; k < 4; ++k)
    if (u < kLikely[k]) return skewed(successors.bits(k), vocabulary);
  uint64_t any = static_cast<uint64_t>((u - kLikely[3]) / (1 - kLikely[3]) * 0x1p53) << 11;
  return skewed(any, vocabulary);
}

void SyntheticSource::tokens(int input, int64_t sample, std::span<std::byte> out) const {
  const Input& in = inputs_[input];
  std::byte* at = out.data();
  RandomStream draw = samples_.sub(sample);
  if (!ir::is_integer(in.sample.dtype)) {  // a mask or weights: all count
    for (int64_t i = 0; i < in.sample.num_elements(); ++i) put_element(1.0, in.sample.dtype, at);
    return;
  }
  int64_t token = skewed(draw.bits(0), in.vocabulary);
  for (int64_t i = 0; i < input + in.sample.num_elements(); ++i) {
    if (i >= input) put_element(static_cast<double>(token), in.sample.dtype, at);
    token = next_token(token, draw.uniform(i + 1), in.vocabulary);
  }
}

void SyntheticSource::images(int input, int64_t sample, std::span<std::byte> out) const {
  const Input& in = inputs_[input];
  int64_t classes = 1;
  for (const Input& i : inputs_)
    if (ir::is_integer(i.sample.dtype)) classes = i.vocabulary;
  RandomStream draw = samples_.sub(sample);
  int64_t label = std::min(classes - 1, static_cast<int64_t>(draw.uniform(0) * static_cast<double>(classes)));
  RandomStream prototype = table_.sub(label);
  std::byte* at = out.data();
  for (int64_t i = 0; i < in.sample.num_elements(); ++i) {
    bool is_label = ir::is_integer(in.sample.dtype);
    double v = is_label ? static_cast<double>(label) : bell(prototype, i) + kNoise * bell(draw, i + 1);
    put_element(v, in.sample.dtype, at);
  }
}

// The weights are made once, not for each sample; by feature, so that a sample's rows are summed up side by
// side.
void SyntheticSource::make_teacher() {
  while (noise_ + 1 < inputs_.size() && ir::is_integer(inputs_[noise_].sample.dtype)) ++noise_;
  features_ = std::clamp<int64_t>(inputs_[noise_].sample.num_elements(), 1, kFeatures);
  for (size_t i = 0; i < inputs_.size(); ++i) {
    const Input& in = inputs_[i];
    const bool is_noise = i == noise_ && !ir::is_integer(in.sample.dtype);
    const int64_t rows = is_noise                          ? 0
                         : ir::is_integer(in.sample.dtype) ? in.vocabulary
                                                           : in.sample.num_elements();
    const auto drawn = bells(table_.sub(i), rows * features_);
    auto& weights = teacher_.emplace_back(drawn.size());
    for (int64_t r = 0; r < rows; ++r)
      for (int64_t f = 0; f < features_; ++f)
        weights[f * rows + r] = static_cast<float>(drawn[r * features_ + f]);
  }
}

void SyntheticSource::vectors(int input, int64_t sample, std::span<std::byte> out) const {
  const ir::Type& type = inputs_[input].sample;
  const RandomStream noise = samples_.sub(sample);
  std::byte* at = out.data();
  if (static_cast<size_t>(input) == noise_ && !ir::is_integer(type.dtype)) {
    for (int64_t i = 0; i < type.num_elements(); ++i) put_element(bell(noise, i), type.dtype, at);
    return;
  }
  const auto& weights = teacher_[input];
  const size_t rows = weights.size() / static_cast<size_t>(features_);
  std::vector<float> sums(rows, 0);
  for (int64_t f = 0; f < features_; ++f) {
    const auto x = static_cast<float>(bell(noise, f));
    const float* row = weights.data() + static_cast<size_t>(f) * rows;
    for (size_t r = 0; r < rows; ++r) sums[r] += x * row[r];
  }
  if (ir::is_integer(type.dtype)) {
    const auto best = std::max_element(sums.begin(), sums.end()) - sums.begin();
    for (int64_t i = 0; i < type.num_elements(); ++i) put_element(static_cast<double>(best), type.dtype, at);
    return;
  }
  const float scale = 1 / std::sqrt(static_cast<float>(features_));
  for (const float sum : sums) {
    const float x = sum * scale;
    put_element(x / (1 + std::abs(x)), type.dtype, at);
  }
}

}  // namespace cordata::step
