// SPDX-License-Identifier: Apache-2.0
#include "cordata/planner/inter_op/stages.h"

#include <gtest/gtest.h>

#include <limits>

// That it finds the best of all cuttings: tests/planner/exhaustive_test.cc.
namespace cordata::planner {
namespace {

constexpr double kNever = std::numeric_limits<double>::infinity();

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

}  // namespace
}  // namespace cordata::planner
