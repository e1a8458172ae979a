// SPDX-License-Identifier: Apache-2.0
#include "tests/plans/same_answer.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstring>

#include "cordata/cluster/presets.h"
#include "cordata/planner/planner.h"

namespace cordata::tests {
namespace {

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

}  // namespace

RunResult one_device(const step::TrainStep& step, int microbatches, int steps) {
  return run_plan(
      step, planner::plan(step, cluster::local(1), {.name = "single", .microbatches = microbatches}), steps);
}

void expect_same_losses(const step::TrainStep& step, const plan::Plan& plan) {
  RunResult got = run_plan(step, plan, 20), want = one_device(step, plan.microbatches, 20);
  ASSERT_EQ(got.losses.size(), 20u);
  ASSERT_EQ(want.losses.size(), 20u);
  for (int s = 0; s < 20; ++s) EXPECT_NEAR(got.losses[s] / want.losses[s], 1, 1e-5) << "step " << s;
  EXPECT_LT(want.losses.back(), want.losses.front());
}

void expect_same_step(const step::TrainStep& step, const plan::Plan& plan) {
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

}  // namespace cordata::tests
