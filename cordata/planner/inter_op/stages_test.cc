// SPDX-License-Identifier: Apache-2.0
#include "cordata/planner/inter_op/stages.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <map>
#include <random>

namespace cordata::planner {
namespace {

constexpr double kNever = std::numeric_limits<double>::infinity();

// Every cutting, one by one.
struct Enumeration {
  const StageProblem& p;
  double best = kNever;
  std::vector<StageKey> stages;

  void go(int layer, int device) {
    if (layer == p.layers) {
      if (device < p.devices && !p.allow_idle) return;
      const int n = static_cast<int>(stages.size());
      if (n < p.min_stages || n > p.max_stages) return;
      std::vector<double> cost;
      double sum = 0, most = 0, work = 0;
      for (int i = 0; i < n; ++i) {
        StageKey key = stages[i];
        key.in_flight = p.all_in_flight ? p.microbatches : std::min(n - i, p.microbatches);
        cost.push_back(p.exact(key, kNever));
        sum += cost[i];
        most = std::max(most, cost[i]);
        const double cores = p.devices / p.cores_shared_by;
        work += cost[i] * std::min<double>(key.devices, cores) / cores;
      }
      best = std::min(best, sum + (p.microbatches - 1) * std::max(most, work));
      return;
    }
    for (int end = layer + 1; end <= p.layers; ++end)
      for (int size = 1; device + size <= p.devices; ++size) {
        const int h = p.devices_per_host;
        if (size < h && device / h != (device + size - 1) / h) continue;
        if (size >= h && (device % h != 0 || size % h != 0)) continue;
        stages.push_back({layer, end, device, size, 0});
        go(end, device + size);
        stages.pop_back();
      }
  }
};

// Costs drawn by chance but fixed; more work costs more, devices help, some stages don't fit.
double drawn(const StageKey& k, uint64_t seed) {
  uint64_t h = seed;
  for (const int v : {k.first_layer, k.last_layer, k.first_device, k.devices})
    h = (h ^ static_cast<uint64_t>(v + 7)) * 0x9E3779B97F4A7C15ull, h ^= h >> 29;
  if (h % 11 == 0 && k.in_flight > 1) return kNever;
  return (k.last_layer - k.first_layer) * (1 + (h >> 8) % 1000 / 700.0) / std::pow(k.devices, 0.8);
}

TEST(Stages, EqualEnumerationOfAllCuttings) {
  std::mt19937_64 random(7);
  int compared = 0, asked_less = 0;
  for (int trial = 0; trial < 400; ++trial) {
    StageProblem p;
    p.layers = 1 + random() % 5;
    p.devices_per_host = 1 + random() % 4;
    p.devices = p.devices_per_host * (1 + random() % 2);
    p.microbatches = 1 << random() % 4;
    p.cores_shared_by = random() % 3 == 0 ? 1 + random() % p.devices : 1;
    p.all_in_flight = random() % 2;
    p.allow_idle = random() % 4 == 0;
    if (random() % 5 == 0) p.min_stages = p.max_stages = 2;
    const uint64_t seed = random();
    p.exact = [seed](const StageKey& k, double) { return drawn(k, seed); };
    Enumeration all{p};
    all.go(0, 0);
    const auto plain = cut_stages(p);
    p.bound = [seed](const StageKey& k) {
      return 0.8 * (k.last_layer - k.first_layer) / std::pow(k.devices, 0.8);
    };
    const auto lazy = cut_stages(p);
    // What isn't wanted may be answered by anything from `below` to the truth, and what isn't below `at_most`
    // isn't found.
    p.exact = [seed](const StageKey& k, double below) {
      const double c = drawn(k, seed);
      return c < below || std::isinf(c) ? c : below + (c - below) * static_cast<double>(seed % 5) / 4;
    };
    const auto hasty = cut_stages(p);
    p.at_most = all.best * 1.01;
    const auto limited = cut_stages(p);
    p.at_most = all.best * 0.99;
    EXPECT_FALSE(cut_stages(p)) << trial;
    p.exact = [seed](const StageKey& k, double) { return drawn(k, seed); };
    ASSERT_EQ(plain.has_value(), std::isfinite(all.best)) << trial;
    for (const auto* found : {&lazy, &hasty, &limited})
      ASSERT_EQ(found->has_value(), plain.has_value()) << trial;
    if (!plain) continue;
    ++compared;
    EXPECT_NEAR(plain->seconds, all.best, 1e-9) << trial;
    for (const auto* found : {&lazy, &hasty, &limited})
      EXPECT_NEAR((*found)->seconds, all.best, 1e-9) << trial;
    asked_less += lazy->evaluated < plain->evaluated;
    std::vector<double> cost;
    for (const auto& s : lazy->stages) cost.push_back(p.exact(s, kNever));
    EXPECT_NEAR(step_seconds(p, lazy->stages, cost), lazy->seconds, 1e-9);
  }
  EXPECT_GT(compared, 250);
  EXPECT_GT(asked_less, compared / 3);
}

// However early it is over: what is given was settled, and more time is never worse.
TEST(Stages, TimeThatIsOverLeavesTheBestSoFar) {
  int stopped_with_some = 0;
  for (uint64_t seed = 1; seed <= 20; ++seed) {
    StageProblem p{.layers = 5, .devices = 4, .devices_per_host = 4, .microbatches = 4};
    p.bound = [](const StageKey& k) {
      return 0.8 * (k.last_layer - k.first_layer) / std::pow(k.devices, 0.8);
    };
    double before = kNever;
    for (int most = 0, stopped = 1; stopped; ++most) {
      std::map<StageKey, double> asked;
      stopped = 0;
      p.exact = [&](const StageKey& k, double) {
        if (static_cast<int>(asked.size()) == most) stopped = 1, throw TimeIsOver();
        return asked[k] = drawn(k, seed);
      };
      double least = -1;
      const auto found = cut_stages(p, &least);
      EXPECT_EQ(least > 0, !stopped);
      EXPECT_LE(found ? found->seconds : kNever, before);
      if (!found) continue;
      before = found->seconds;
      stopped_with_some += stopped;
      std::vector<double> cost;
      for (const auto& stage : found->stages) cost.push_back(asked.at(stage));
      EXPECT_NEAR(step_seconds(p, found->stages, cost), found->seconds, 1e-9);
    }
    p.exact = [seed](const StageKey& k, double) { return drawn(k, seed); };
    EXPECT_DOUBLE_EQ(before, cut_stages(p)->seconds);
  }
  EXPECT_GT(stopped_with_some, 20);
}

TEST(Stages, SubmeshSizes) {
  EXPECT_EQ(submesh_sizes(4, 4), (std::vector<int>{1, 2, 3, 4}));
  EXPECT_EQ(submesh_sizes(32, 8), (std::vector<int>{1, 2, 4, 8, 16, 24, 32}));
}

TEST(Stages, SharedCoresMakeAPipelineNoFasterThanItsWork) {
  StageProblem p{.layers = 4, .devices = 4, .devices_per_host = 4, .microbatches = 8, .cores_shared_by = 2};
  p.exact = [](const StageKey& k, double) {
    return k.last_layer - k.first_layer == 1 && k.devices == 1 ? 1.0 : kNever;
  };
  EXPECT_DOUBLE_EQ(cut_stages(p)->seconds, 4 + 7 * 2);  // four stages of 1 s on two cores
}

TEST(Stages, FewerDevicesHaveTheCoresOfAll) {
  StageProblem p{.layers = 3, .devices = 4, .devices_per_host = 4, .microbatches = 8, .cores_shared_by = 2};
  p.exact = [](const StageKey& k, double) {
    return k.last_layer - k.first_layer == 1 && k.devices == 1 ? 1.0 : kNever;
  };
  EXPECT_FALSE(cut_stages(p));
  EXPECT_DOUBLE_EQ(cut_stages(on_devices(p, 3))->seconds, 3 + 7 * 1.5);  // three stages of 1 s on two cores
  p.layers = 2;
  EXPECT_DOUBLE_EQ(cut_stages(on_devices(p, 2))->seconds, 2 + 7);
}

}  // namespace
}  // namespace cordata::planner
