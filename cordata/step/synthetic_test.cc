// SPDX-License-Identifier: Apache-2.0
#include "cordata/step/synthetic.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <map>

#include "cordata/base/error.h"

namespace cordata::step {
namespace {

using ir::DType;
using ir::Type;

template <typename T>
std::vector<T> sample(const SyntheticSource& source, int input, int64_t index, int64_t n) {
  std::vector<T> values(static_cast<size_t>(n));
  source.write(input, index, std::as_writable_bytes(std::span(values)));
  return values;
}

double entropy(const std::map<int, int>& counts) {
  double total = 0, h = 0;
  for (auto [_, n] : counts) total += n;
  for (auto [_, n] : counts) h -= n / total * std::log(n / total);
  return h;
}

TEST(RandomStream, HasTheMomentsOfItsDistributions) {
  RandomStream stream(1, "w");
  double sum = 0, squares = 0, uniforms = 0;
  constexpr int n = 100000;
  for (int i = 0; i < n; ++i) {
    double x = stream.normal(i);
    sum += x, squares += x * x, uniforms += stream.uniform(i);
  }
  EXPECT_NEAR(sum / n, 0, 0.02);
  EXPECT_NEAR(squares / n, 1, 0.02);
  EXPECT_NEAR(uniforms / n, 0.5, 0.01);
  EXPECT_NE(RandomStream(2, "w").bits(0), stream.bits(0));
  EXPECT_NE(RandomStream(1, "v").bits(0), stream.bits(0));
}

TEST(SyntheticSource, TokensAreAChainThatCanBeLearnt) {
  constexpr int64_t kLength = 129, kVocabulary = 64;
  SyntheticSource source("tokens", {{Type::tensor(DType::kI32, {kLength}), kVocabulary}}, 3);
  std::map<int, int> alone;
  std::map<int, std::map<int, int>> after;
  int pairs = 0;
  for (int s = 0; s < 400; ++s) {
    auto t = sample<int32_t>(source, 0, s, kLength);
    for (int64_t i = 0; i + 1 < kLength; ++i, ++pairs) {
      ASSERT_TRUE(t[i] >= 0 && t[i] < kVocabulary);
      ++alone[t[i]], ++after[t[i]][t[i + 1]];
    }
  }
  double conditional = 0;
  for (auto& [token, counts] : after) conditional += entropy(counts) * alone[token] / pairs;
  EXPECT_LT(entropy(alone), std::log(64.0) - 0.5);
  EXPECT_LT(conditional, entropy(alone) - 0.5);
}

TEST(SyntheticSource, TargetsAreTheNextTokens) {
  Type type = Type::tensor(DType::kI32, {16});
  SyntheticSource source("tokens", {{type, 32}, {type, 32}}, 3);
  auto x = sample<int32_t>(source, 0, 5, 16), y = sample<int32_t>(source, 1, 5, 16);
  EXPECT_TRUE(std::equal(x.begin() + 1, x.end(), y.begin()));
}

TEST(SyntheticSource, ImagesOfAClassAreAlike) {
  SyntheticSource source("images", {{Type::tensor(DType::kF32, {8, 8, 3})}, {Type::tensor(DType::kI32), 4}},
                         3);
  auto distance = [&](int a, int b) {
    auto x = sample<float>(source, 0, a, 192), y = sample<float>(source, 0, b, 192);
    double d = 0;
    for (size_t i = 0; i < x.size(); ++i) d += (x[i] - y[i]) * (x[i] - y[i]);
    return d / 192;
  };
  for (int i = 1; i < 20; ++i) {
    bool same = sample<int32_t>(source, 1, 0, 1) == sample<int32_t>(source, 1, i, 1);
    EXPECT_EQ(distance(0, i) < 1.2, same) << i;
  }
}

TEST(SyntheticSource, VectorsHaveATeacher) {
  SyntheticSource source("vectors", {{Type::tensor(DType::kF64, {16})}, {Type::tensor(DType::kF64, {4})}}, 3);
  EXPECT_EQ(sample<double>(source, 1, 9, 4), sample<double>(source, 1, 9, 4));
  EXPECT_NE(sample<double>(source, 1, 9, 4), sample<double>(source, 1, 8, 4));
  for (double y : sample<double>(source, 1, 9, 4)) EXPECT_LE(std::abs(y), 1);
}

TEST(SyntheticSource, RefusesWhatItCannotMake) {
  EXPECT_THROW(SyntheticSource("", {}, 0), base::Error);
  EXPECT_THROW(SyntheticSource("tokens", {{Type::tensor(DType::kI32, {4})}}, 0), base::Error);
}

}  // namespace
}  // namespace cordata::step
