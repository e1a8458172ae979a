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
  return run_plan(step, planner::plan(step, cluster::local(1), {.name = "single", .microbatches = microbatches}), steps);
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

// ||a - b|| / ||b|| of two f64 tensors; of exact zeros ||a||.
double relative_difference(const std::vector<std::byte>& a, const std::vector<std::byte>& b) {
  double difference = 0, norm = 0;
  for (size_t i = 0; i + 8 <= b.size(); i += 8) {
    double x, y;
    std::memcpy(&x, a.data() + i, 8);
    std::memcpy(&y, b.data() + i, 8);
    difference += (x - y) * (x - y), norm += y * y;
  }
  return norm > 0 ? std::sqrt(difference / norm) : std::sqrt(difference);
}

// One step of plain SGD in f64: the parameters' change is the gradient itself.
void expect_same_step(const std::string& model, const Case& c) {
  step::TrainStep step = models::build_train_step(model);
  plan::Plan plan = make_plan(step, c);
  RunResult before = run_plan(step, plan, 0), got = run_plan(step, plan, 1), want = one_device(step, plan.microbatches, 1);
  ASSERT_EQ(got.losses.size(), 1u);
  EXPECT_NEAR(got.losses[0] / want.losses[0], 1, 1e-12);
  for (const auto& [name, value] : want.values) {
    if (want.types.at(name).dtype != ir::DType::kF64) continue;
    std::vector<std::byte> moved = value, moved_too = got.values.at(name);
    for (size_t i = 0; i + 8 <= value.size(); i += 8) {
      double start, end;
      for (auto* v : {&moved, &moved_too}) {
        std::memcpy(&start, before.values.at(name).data() + i, 8);
        std::memcpy(&end, v->data() + i, 8);
        end -= start;
        std::memcpy(v->data() + i, &end, 8);
      }
    }
    EXPECT_LT(relative_difference(moved_too, moved), 1e-9) << name;
  }
}

class Mlp : public testing::TestWithParam<Case> {};
TEST_P(Mlp, LossesLikeOneDevice) { expect_same_losses("mlp:batch=16", GetParam()); }
INSTANTIATE_TEST_SUITE_P(Plans, Mlp, testing::Values(Case{"data", 2, 1}, Case{"data", 4, 2}, Case{"tensor", 4, 1},
                                                     Case{"zero-3", 2, 2}, Case{"pipeline:stages=2", 2, 4}));

constexpr const char* kGpt = "gpt:layers=4,hidden=64,heads=4,seq=32,vocab=64,batch=16";
class Gpt : public testing::TestWithParam<Case> {};
TEST_P(Gpt, LossesLikeOneDevice) { expect_same_losses(kGpt, GetParam()); }
TEST_P(Gpt, StepsLikeOneDeviceInDouble) { expect_same_step(std::string(kGpt) + ",dtype=f64,optimizer=sgd", GetParam()); }
INSTANTIATE_TEST_SUITE_P(Plans, Gpt, testing::Values(Case{"data", 4, 2}, Case{"pipeline:stages=2,data=2", 4, 2}));

}  // namespace
}  // namespace cordata::tests
