// SPDX-License-Identifier: Apache-2.0
#include "cordata/cluster/fit.h"

#include <gtest/gtest.h>

#include <cmath>
#include <random>

#include "cordata/base/error.h"

namespace cordata::cluster {
namespace {

// `noise`: each time is off by a factor drawn evenly from 1 - noise to 1 + noise.
std::vector<Sample> messages(double alpha, double bandwidth, double noise, unsigned seed, double hops = 1) {
  std::mt19937 random(seed);
  std::uniform_real_distribution<double> off(1 - noise, 1 + noise);
  std::vector<Sample> out;
  for (double bytes = 8; bytes <= 16e6; bytes *= 4)
    out.push_back(
        {hops, base::Bytes(bytes), base::Seconds((hops * alpha + bytes / bandwidth) * off(random))});
  return out;
}

TEST(Fit, ExactWithoutNoise) {
  for (const double alpha : {1e-7, 5e-6, 2e-3})
    for (const double bandwidth : {1e7, 3.125e9, 4e11}) {
      const LinkFit fit = fit_link(messages(alpha, bandwidth, 0, 1, 6));
      EXPECT_NEAR(fit.alpha.value / alpha, 1, 1e-6);
      EXPECT_NEAR(fit.bandwidth.value / bandwidth, 1, 1e-4);
      EXPECT_LT(fit.residual, 1e-6);
    }
}

TEST(Fit, NoiseIsFoundAgainInTheResidual) {
  for (unsigned seed = 1; seed <= 20; ++seed) {
    const LinkFit fit = fit_link(messages(5e-6, 3e9, 0.1, seed));
    EXPECT_NEAR(fit.alpha.value / 5e-6, 1, 0.12) << seed;
    EXPECT_NEAR(fit.bandwidth.value / 3e9, 1, 0.2) << seed;
    EXPECT_GT(fit.residual, 0.02) << seed;  // even noise of 10 % has a root mean square of 5.8 %
    EXPECT_LT(fit.residual, 0.09) << seed;
  }
}

TEST(Fit, NothingBelowZero) {
  const std::vector<Sample> falling = {{1, base::Bytes(8), base::Seconds(2e-6)},
                                       {1, base::Bytes(1e6), base::Seconds(1e-6)}};
  EXPECT_GT(fit_link(falling).alpha.value, 0);
  EXPECT_TRUE(std::isinf(fit_link(falling).bandwidth.value));
  const std::vector<Sample> steep = {{1, base::Bytes(1e3), base::Seconds(1e-6)},
                                     {1, base::Bytes(1e6), base::Seconds(4e-3)}};
  EXPECT_EQ(fit_link(steep).alpha.value, 0);
  EXPECT_GT(fit_link(steep).bandwidth.value, 1e8);
}

TEST(Fit, AsksForTwoSizes) {
  const std::vector<Sample> one = {{1, base::Bytes(8), base::Seconds(1e-6)}};
  EXPECT_THROW(fit_link(one), base::Error);
  const std::vector<Sample> alike = {one[0], one[0]};
  EXPECT_THROW(fit_link(alike), base::Error);
}

TEST(Fit, Median) {
  EXPECT_EQ(median({}), 0);
  EXPECT_EQ(median({3, 1, 2}), 2);
  EXPECT_EQ(median({4, 1, 2, 3}), 3);
}

// Ranks' rates with such noise.
std::vector<std::vector<double>> rates(const std::vector<double>& speeds, double noise, unsigned seed) {
  std::mt19937 random(seed);
  std::uniform_real_distribution<double> off(1 - noise, 1 + noise);
  std::vector<std::vector<double>> out;
  for (const double s : speeds) {
    auto& of_rank = out.emplace_back();
    for (int w = 0; w < 9; ++w) of_rank.push_back(300 * s * off(random));
  }
  return out;
}

TEST(Fit, UnequalRanksAreFoundAndEqualOnesAreNot) {
  for (unsigned seed = 1; seed <= 20; ++seed) {
    for (const double noise : {0.0, 0.05, 0.3})
      EXPECT_EQ(relative_speeds(rates({1, 0.95, 1}, noise, seed)), (std::vector<double>{1, 1, 1}));
    const auto found = relative_speeds(rates({0.5, 1, 0.48, 0.25}, 0.05, seed));
    EXPECT_EQ(found[1], 1);
    EXPECT_EQ(found[0], found[2]);
    EXPECT_NEAR(found[0], 0.49, 0.03);
    EXPECT_NEAR(found[3], 0.25, 0.02);
  }
}

TEST(Fit, GroupsOfSpeeds) {
  Device device;
  device.memory = base::Bytes(5);
  EXPECT_TRUE(speed_groups({1, 1}, device).empty());
  const auto groups = speed_groups({0.5, 1, 0.5, 0.5, 0.25}, device);
  ASSERT_EQ(groups.size(), 3u);
  EXPECT_EQ(groups[0].first, 0);
  EXPECT_EQ(groups[1].first, 2);
  EXPECT_EQ(groups[1].count, 2);
  EXPECT_EQ(groups[2].first, 4);
  EXPECT_EQ(groups[2].device.speed, 0.25);
  EXPECT_EQ(groups[2].device.memory.value, 5);
}

}  // namespace
}  // namespace cordata::cluster
