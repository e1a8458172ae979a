// SPDX-License-Identifier: Apache-2.0
// Every plan gives the answer of one device: losses over 20 steps in f32, and one step in f64 to rounding.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <cstring>

#include "cordata/cluster/presets.h"
#include "cordata/models/zoo.h"
#include "cordata/planner/planner.h"
#include "tests/plans/run_plan.h"

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

RunResult one_device(const step::TrainStep& step, int microbatches, int steps) {
  return run_plan(
      step, planner::plan(step, cluster::local(1), {.name = "single", .microbatches = microbatches}), steps);
}

void expect_same_losses(const std::string& model, const Case& c) {
  step::TrainStep step = models::build_train_step(model);
  plan::Plan plan = make_plan(step, c);
  RunResult got = run_plan(step, plan, 20), want = one_device(step, plan.microbatches, 20);
  ASSERT_EQ(got.losses.size(), 20u);
  ASSERT_EQ(want.losses.size(), 20u);
  for (int s = 0; s < 20; ++s) EXPECT_NEAR(got.losses[s] / want.losses[s], 1, 1e-5) << "step " << s;
  EXPECT_LT(want.losses.back(), want.losses.front());
}

std::vector<double> doubles(const std::vector<std::byte>& bytes) {
  std::vector<double> out(bytes.size() / sizeof(double));
  std::memcpy(out.data(), bytes.data(), bytes.size());
  return out;
}

std::vector<double> minus(std::vector<double> a, const std::vector<double>& b) {
  for (size_t i = 0; i < a.size(); ++i) a[i] -= b[i];
  return a;
}

double norm(const std::vector<double>& a) {
  double sum = 0;
  for (double x : a) sum += x * x;
  return std::sqrt(sum);
}

// One step of plain SGD in f64: the parameters' change is the gradient itself.
void expect_same_step(const std::string& model, const Case& c) {
  step::TrainStep step = models::build_train_step(model);
  plan::Plan plan = make_plan(step, c);
  RunResult got = run_plan(step, plan, 1, Before::kKept), want = one_device(step, plan.microbatches, 1);
  ASSERT_EQ(got.losses.size(), 1u);
  EXPECT_NEAR(got.losses[0] / want.losses[0], 1, 1e-12);
  for (const auto& [name, value] : want.values) {
    if (want.types.at(name).dtype != ir::DType::kF64) continue;
    const std::vector<double> start = doubles(got.before.at(name));
    const std::vector<double> moved = minus(doubles(value), start),
                              moved_too = minus(doubles(got.values.at(name)), start);
    if (name.ends_with(".attn.k.b")) {  // a softmax doesn't see what all its scores have in common: the true
                                        // gradient is zero
      EXPECT_LT(norm(moved), 1e-12) << name;
      EXPECT_LT(norm(moved_too), 1e-12) << name;
    } else {
      EXPECT_LT(norm(minus(moved_too, moved)), 1e-9 * norm(moved)) << name;
    }
  }
}

class Mlp : public testing::TestWithParam<Case> {};
TEST_P(Mlp, LossesLikeOneDevice) { expect_same_losses("mlp:batch=16", GetParam()); }
INSTANTIATE_TEST_SUITE_P(Plans, Mlp,
                         testing::Values(Case{"data", 2, 1}, Case{"data", 4, 2}, Case{"tensor", 4, 1},
                                         Case{"zero-3", 2, 2},
                                         Case{"pipeline:stages=2,microbatches=4,schedule=gpipe", 2, 0}));

// Compiling takes most of the time, and half as long for half the blocks; bench/seven_plans trains a larger
// one.
constexpr const char* kGpt = "gpt:layers=1,hidden=64,heads=4,seq=32,vocab=64,batch=16";
constexpr const char* kDeepGpt = "gpt:layers=2,hidden=64,heads=4,seq=32,vocab=64,batch=16";
class Gpt : public testing::TestWithParam<Case> {};
TEST_P(Gpt, LossesLikeOneDevice) { expect_same_losses(kGpt, GetParam()); }
TEST_P(Gpt, StepsLikeOneDeviceInDouble) {
  expect_same_step(std::string(kGpt) + ",dtype=f64,optimizer=sgd", GetParam());
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
