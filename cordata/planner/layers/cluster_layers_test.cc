// SPDX-License-Identifier: Apache-2.0
#include "cordata/planner/layers/cluster_layers.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <limits>
#include <random>

namespace cordata::planner {
namespace {

TEST(ClusterLayers, BalancesAndCutsWhereLittleCrosses) {
  // Two heavy ops a block; few bytes cross between blocks, many within.
  const std::vector<double> flops{10, 0, 10, 10, 0, 10, 10, 0, 10};
  const std::vector<double> cut{0, 100, 100, 5, 100, 100, 5, 100, 100};
  EXPECT_EQ(cluster_layers(flops, cut, 3), (std::vector<int>{0, 0, 0, 1, 1, 1, 2, 2, 2}));
}

TEST(ClusterLayers, EqualsEnumeration) {
  std::mt19937 random(3);
  for (int trial = 0; trial < 200; ++trial) {
    const int n = 2 + random() % 8, layers = 1 + random() % n;
    std::vector<double> flops(n), cut(n);
    double total = 0;
    for (int k = 0; k < n; ++k) total += flops[k] = random() % 10, cut[k] = 1 + random() % 5;
    const auto got = cluster_layers(flops, cut, layers);
    EXPECT_TRUE(std::is_sorted(got.begin(), got.end()));
    EXPECT_EQ(got.back(), layers - 1);
    const auto score = [&](const std::vector<int>& layer) {
      std::vector<double> work(layers, 0);
      double bytes = 0, squares = 0, most = 0;
      for (int k = 0; k < n; ++k) {
        work[layer[k]] += flops[k];
        if (k > 0 && layer[k] != layer[k - 1]) bytes += cut[k];
      }
      for (const double w : work) squares += w * w, most = std::max(most, w);
      return std::tuple(most, bytes, squares);
    };
    const auto [most, bytes, squares] = score(got);
    for (int mask = 0; mask < 1 << (n - 1); ++mask) {
      if (__builtin_popcount(mask) != layers - 1) continue;
      std::vector<int> layer(n, 0);
      for (int k = 1; k < n; ++k) layer[k] = layer[k - 1] + (mask >> (k - 1) & 1);
      const auto [m, b, s] = score(layer);
      if (m > std::max(most, 1.5 * total / layers)) continue;
      if (m <= 1.5 * total / layers) {
        EXPECT_LE(most, 1.5 * total / layers + 1e-9);
        EXPECT_LE(std::pair(bytes, squares), std::pair(b, s)) << trial;
      }
    }
  }
}

TEST(ClusterLayers, OneHugeOpIsNoError) {
  EXPECT_EQ(cluster_layers({1, 1000, 1}, {0, 1, 1}, 3), (std::vector<int>{0, 1, 2}));
  EXPECT_EQ(cluster_layers({0, 0}, {0, 1}, 5), (std::vector<int>{0, 1}));
}

}  // namespace
}  // namespace cordata::planner
