// SPDX-License-Identifier: Apache-2.0
// On small steps and clusters `auto` costs what the best of all plans costs.
#include "tests/planner/enumerate.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <iostream>

#include "cordata/ir/op_table.h"
#include "cordata/planner/planner.h"
#include "tests/planner/drawn_steps.h"

namespace cordata::tests {
namespace {

int ops_of(const step::TrainStep& step) {
  const auto joint = step::build_joint(step, 1);
  int count = 0;
  for (const auto id : joint.graph.ops()) count += !ir::is_constant_like(joint.graph.node(id).kind);
  return count;
}

constexpr double kRounding = 1e-5;  // the planner counts whole picoseconds

TEST(Enumeration, AutoCostsWhatTheBestOfAllPlansCosts) {
  int pipelines = 0, sharded = 0, several = 0, unequal = 0;
  int64_t cuttings = 0;
  for (int seed = 0; seed < 600; ++seed) {
    std::mt19937_64 random(seed);
    const bool slow = seed >= 60;
    const auto cluster = slow ? draw_slow_links(random) : draw_cluster(random);
    // On four devices, which have views of two axes and so many more assignments, one product in all but
    // every fifth.
    const auto step = draw_step(random, cluster.num_devices() < 4 || seed % 5 == 0 ? 2 : 1, slow ? 12 : 60);
    ASSERT_LE(ops_of(step), 10);
    const auto plan = planner::plan(step, cluster);
    EXPECT_NEAR(price(plan, step) / plan.step.value, 1, kRounding) << "seed " << seed;
    const double least = enumerate(step, cluster, plan.step.value * (1 - kRounding));
    EXPECT_TRUE(std::isinf(least)) << "seed " << seed << ": a plan takes " << least / plan.step.value
                                   << " of what auto's takes";
    pipelines += plan.stages.size() > 1;
    unequal += !cluster.groups.empty();
    several += plan.microbatches > 1;
    sharded += std::any_of(plan.stages.begin(), plan.stages.end(), [](const plan::Stage& s) {
      return std::any_of(s.sharding.ops.begin(), s.sharding.ops.end(),
                         [](const sharding::Strategy& o) { return o.use[0] >= 0; });
    });
    cuttings += enumerated_cuttings();
  }
  // The cases are not all trivial.
  EXPECT_GE(pipelines, 10);
  EXPECT_GE(several, 3);
  EXPECT_GT(unequal, 150);
  EXPECT_GT(sharded, 20);
  EXPECT_GT(cuttings, 300);
  std::cout << pipelines << " of the plans have several stages, " << several << " several microbatches, "
            << unequal << " clusters have unequal devices, " << sharded << " are sharded; " << cuttings
            << " cuttings enumerated\n";
}

}  // namespace
}  // namespace cordata::tests
