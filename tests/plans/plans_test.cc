// SPDX-License-Identifier: Apache-2.0
// Every plan gives the answer of one device: losses over 20 steps in f32, and one step in f64 to rounding.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "cordata/cluster/presets.h"
#include "cordata/models/zoo.h"
#include "cordata/planner/planner.h"
#include "tests/plans/same_answer.h"

namespace cordata::tests {
namespace {

struct Case {
  const char* planner;
  int ranks;
  int microbatches;  // 0: the planner chooses
};

void PrintTo(const Case& c, std::ostream* out) { *out << c.planner << " on " << c.ranks << " ranks"; }

plan::Plan make_plan(const step::TrainStep& step, const Case& c) {
  return planner::plan(step, cluster::local(c.ranks), {.name = c.planner, .microbatches = c.microbatches});
}

class Mlp : public testing::TestWithParam<Case> {};
TEST_P(Mlp, LossesLikeOneDevice) {
  const auto step = models::build_train_step("mlp:batch=16");
  expect_same_losses(step, make_plan(step, GetParam()));
}
INSTANTIATE_TEST_SUITE_P(Plans, Mlp,
                         testing::Values(Case{"data", 2, 1}, Case{"data", 4, 2}, Case{"tensor", 4, 1},
                                         Case{"zero-3", 2, 2},
                                         Case{"pipeline:stages=2,microbatches=4,schedule=gpipe", 2, 0}));

// Compiling takes most of the time, and half as long for half the blocks; bench/seven_plans trains a larger
// one.
constexpr const char* kGpt = "gpt:layers=1,hidden=64,heads=4,seq=32,vocab=64,batch=16";
constexpr const char* kDeepGpt = "gpt:layers=2,hidden=64,heads=4,seq=32,vocab=64,batch=16";
class Gpt : public testing::TestWithParam<Case> {};
TEST_P(Gpt, LossesLikeOneDevice) {
  const auto step = models::build_train_step(kGpt);
  expect_same_losses(step, make_plan(step, GetParam()));
}
TEST_P(Gpt, StepsLikeOneDeviceInDouble) {
  const auto step = models::build_train_step(std::string(kGpt) + ",dtype=f64,optimizer=sgd");
  expect_same_step(step, make_plan(step, GetParam()));
}
INSTANTIATE_TEST_SUITE_P(Plans, Gpt,
                         testing::Values(Case{"single", 1, 2}, Case{"data", 4, 2}, Case{"tensor", 4, 2},
                                         Case{"zero-3", 4, 1}, Case{"pipeline:stages=2,data=2", 4, 4},
                                         Case{"pipeline:stages=4,microbatches=8,schedule=1f1b", 4, 0},
                                         Case{"auto", 4, 1}));

// Which dims count samples must be seen in every stage, not only in the one that gets the batch.
TEST(PipelineOfDataStages, OnlySumsAndSends) {
  const plan::Plan plan = make_plan(models::build_train_step(kDeepGpt), {"pipeline:stages=2,data=2", 4, 1});
  ASSERT_EQ(plan.stages.size(), 2u);
  EXPECT_THAT(plan.bill,
              testing::Each(testing::Field(&plan::BillLine::kind, testing::AnyOf("all-reduce", "send"))));
}

}  // namespace
}  // namespace cordata::tests
