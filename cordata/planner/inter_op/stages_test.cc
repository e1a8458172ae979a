// SPDX-License-Identifier: Apache-2.0
#include "cordata/planner/inter_op/stages.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <map>

// That it finds the best of all cuttings: tests/planner/exhaustive_test.cc.
namespace cordata::planner {
namespace {

constexpr double kNever = std::numeric_limits<double>::infinity();

// Costs drawn by chance but fixed; more work costs more, devices help, some stages don't fit.
double drawn(const StageKey& k, uint64_t seed) {
  uint64_t h = seed;
  for (const int v : {k.first_layer, k.last_layer, k.first_device, k.devices})
    h = (h ^ static_cast<uint64_t>(v + 7)) * 0x9E3779B97F4A7C15ull, h ^= h >> 29;
  if (h % 11 == 0 && k.in_flight > 1) return kNever;
  return (k.last_layer - k.first_layer) * (1 + (h >> 8) % 1000 / 700.0) / std::pow(k.devices, 0.8);
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
