// SPDX-License-Identifier: Apache-2.0
#include "cordata/cluster/topology.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <numeric>
#include <random>

#include "cordata/cluster/rings.h"

namespace cordata::cluster {
namespace {

using base::BytesPerSecond;

Cluster host(Topology topology, int devices, double gigabytes) {
  Cluster c;
  c.devices_per_host = devices;
  c.topology = topology;
  c.intra = {base::Seconds(1e-6), BytesPerSecond(gigabytes * 1e9), ""};
  c.inter = {base::Seconds(1e-5), BytesPerSecond(8e9), ""};
  return c;
}

double gigabytes(const Cluster& c, const Groups& groups) {
  return host_ring_bandwidth(c, groups).value / 1e9;
}

TEST(Topology, UniformAndSwitchGiveThePort) {
  for (const Topology t : {Topology::kUniform, Topology::kSwitch}) {
    const Cluster c = host(t, 8, 100);
    EXPECT_EQ(gigabytes(c, {{0, 1, 2, 3, 4, 5, 6, 7}}), 100);
    EXPECT_EQ(gigabytes(c, {{0, 4}, {1, 5}, {2, 6}, {3, 7}}), 100);
  }
}

TEST(Topology, RingsOnARing) {
  const Cluster c = host(Topology::kRing, 8, 10);
  EXPECT_EQ(gigabytes(c, {{0, 1, 2, 3, 4, 5, 6, 7}}), 20);       // both ways round
  EXPECT_EQ(gigabytes(c, {{0, 1, 2, 3}, {4, 5, 6, 7}}), 10);     // forth and back over their own links
  EXPECT_EQ(gigabytes(c, {{0, 4}, {1, 5}, {2, 6}, {3, 7}}), 5);  // each goes all the way round
  EXPECT_EQ(gigabytes(c, {{0, 2, 4, 6}, {1, 3, 5, 7}}), 10);
  EXPECT_EQ(gigabytes(host(Topology::kRing, 2, 10), {{0, 1}}), 10);  // one link
}

TEST(Topology, CubeMeshIsThreeRingsBothWays) {
  const Cluster c = resolve("p3.16xlarge");
  std::vector<int> degree(8);
  for (const Wire& w : c.wires) degree[w.a] += w.count, degree[w.b] += w.count;
  EXPECT_EQ(degree, std::vector<int>(8, 6));
  const Rings whole = lay_rings(c.wires, {0, 1, 2, 3, 4, 5, 6, 7});
  EXPECT_EQ(whole.orders.size(), 3u);
  EXPECT_DOUBLE_EQ(whole.bandwidth.value, 120e9);
  EXPECT_DOUBLE_EQ(gigabytes(c, {{0, 1, 2, 3}, {4, 5, 6, 7}}), 80);
  EXPECT_DOUBLE_EQ(gigabytes(c, {{0, 3}}), 40);
  EXPECT_DOUBLE_EQ(gigabytes(c, {{0, 3}, {1, 2}, {4, 5}}), 20);  // the slowest of those at work
  EXPECT_DOUBLE_EQ(gigabytes(c, {{0, 5}}), 12.6);                // no link: over PCIe
  EXPECT_DOUBLE_EQ(pair_link(c, 0, 4).bandwidth.value, 40e9);
  EXPECT_DOUBLE_EQ(pair_link(c, 1, 4).bandwidth.value, 12.6e9);
}

// Every set of rings is laid over links that are there, and none twice.
TEST(Topology, RingsUseNoLinkTwice) {
  std::mt19937 random(7);
  for (int trial = 0; trial < 200; ++trial) {
    const int n = 3 + static_cast<int>(random() % 6);
    std::vector<Wire> wires;
    for (int a = 0; a < n; ++a)
      for (int b = a + 1; b < n; ++b)
        if (random() % 3) wires.push_back({a, b, 1 + static_cast<int>(random() % 2), BytesPerSecond(1e9)});
    std::vector<int> devices(n);
    std::iota(devices.begin(), devices.end(), 0);
    const Rings rings = lay_rings(wires, devices);
    EXPECT_DOUBLE_EQ(rings.bandwidth.value, 2e9 * static_cast<double>(rings.orders.size()));
    for (const auto& order : rings.orders) {
      EXPECT_TRUE(std::is_permutation(order.begin(), order.end(), devices.begin(), devices.end()));
      for (int i = 0; i < n; ++i) {
        const int a = std::min(order[i], order[(i + 1) % n]), b = std::max(order[i], order[(i + 1) % n]);
        const auto w = std::ranges::find_if(wires, [&](const Wire& x) { return x.a == a && x.b == b; });
        ASSERT_TRUE(w != wires.end());
        EXPECT_GE(--w->count, 0);
      }
    }
  }
}

// Brute force: every multiset of rings, found by trying each permutation.
int most_rings(std::vector<std::vector<int>> left, int n) {
  std::vector<int> order(n);
  std::iota(order.begin(), order.end(), 0);
  int most = 0;
  do {
    auto after = left;
    bool fits = true;
    for (int i = 0; i < n; ++i) {
      const int a = order[i], b = order[(i + 1) % n];
      fits = fits && --after[a][b] >= 0;
      after[b][a] = after[a][b];
    }
    if (fits) most = std::max(most, 1 + most_rings(after, n));
  } while (std::next_permutation(order.begin() + 1, order.end()));
  return most;
}

TEST(Topology, TheMostRingsAreFound) {
  std::mt19937 random(11);
  int some = 0;
  for (int trial = 0; trial < 60; ++trial) {
    const int n = 3 + static_cast<int>(random() % 3);
    std::vector<std::vector<int>> left(n, std::vector<int>(n));
    std::vector<Wire> wires;
    for (int a = 0; a < n; ++a)
      for (int b = a + 1; b < n; ++b) {
        left[a][b] = left[b][a] = static_cast<int>(random() % 3);
        if (left[a][b]) wires.push_back({a, b, left[a][b], BytesPerSecond(1)});
      }
    std::vector<int> devices(n);
    std::iota(devices.begin(), devices.end(), 0);
    const int most = most_rings(left, n);
    some += most > 1;
    EXPECT_EQ(static_cast<int>(lay_rings(wires, devices).orders.size()), most);
  }
  EXPECT_GT(some, 5);
}

TEST(Topology, WhatLeavesAHostIsShared) {
  Cluster c = host(Topology::kSwitch, 4, 100);
  c.hosts = 8;
  c.nics = 2;
  EXPECT_DOUBLE_EQ(ring_link(c, {{0, 1, 2, 3, 4, 5, 6, 7}}).bandwidth.value, 8e9);
  EXPECT_DOUBLE_EQ(ring_link(c, {{0, 4}, {1, 5}}).bandwidth.value, 4e9);
  EXPECT_DOUBLE_EQ(ring_link(c, {{0, 4}, {1, 5}}).alpha.value, 1e-5);
  EXPECT_DOUBLE_EQ(pair_link(c, 0, 4).bandwidth.value, 4e9);  // one NIC of two
  c.racks = Racks{4, 2, base::Seconds(1e-4), ""};             // 4 x 8 / 2 = 16 GB/s
  EXPECT_DOUBLE_EQ(rack_share(c).value, 16e9);
  EXPECT_DOUBLE_EQ(ring_link(c, {{0, 16}}).bandwidth.value, 8e9);
  EXPECT_DOUBLE_EQ(ring_link(c, {{0, 16}, {4, 20}, {8, 24}, {12, 28}}).bandwidth.value, 4e9);
  EXPECT_DOUBLE_EQ(pair_link(c, 0, 16).alpha.value, 1e-4);
}

}  // namespace
}  // namespace cordata::cluster
