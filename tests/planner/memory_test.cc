// SPDX-License-Identifier: Apache-2.0
// More memory is never slower.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <iostream>
#include <optional>

#include "cordata/base/error.h"
#include "cordata/models/zoo.h"
#include "cordata/planner/planner.h"
#include "tests/planner/sweeps.h"

namespace cordata::tests {
namespace {

struct Case {
  const char* name;
  const char* model;
  int hosts, per_host;
  double flops, bandwidth;
  bool pipeline;  // what is fastest without a limit has several stages
};
void PrintTo(const Case& c, std::ostream* out) { *out << c.name; }

std::optional<plan::Plan> plan_within(const step::TrainStep& step, const cluster::Cluster& cluster,
                                      double limit) {
  try {
    return planner::plan(step, cluster, {.memory_limit = base::Bytes(limit)});
  } catch (const base::Error& e) {
    if (e.kind() != base::ErrorKind::kInfeasible) throw;
    return std::nullopt;
  }
}

class Memory : public testing::TestWithParam<Case> {};

TEST_P(Memory, MoreIsNeverSlower) {
  const Case& c = GetParam();
  auto cluster = devices(c.hosts, c.per_host, c.bandwidth);
  cluster.device.peak = {{ir::DType::kF32, base::FlopsPerSecond(c.flops)}};
  const auto step = models::build_train_step(c.model);
  const auto fastest = plan_within(step, cluster, 1e12);
  ASSERT_TRUE(fastest);
  EXPECT_EQ(fastest->stages.size() > 1, c.pipeline);
  const double peak = fastest->peak_memory.value;
  double least = HUGE_VAL, slowest = 0;  // of smaller limits
  int fit = 0;
  for (const double part : {0.3, 0.5, 0.67, 0.8, 0.9, 0.99, 1.0, 2.0}) {
    const auto found = plan_within(step, cluster, part * peak);
    if (!found) {
      EXPECT_EQ(fit, 0) << "nothing fits " << part << " of " << peak << ", but less did";
      continue;
    }
    ++fit;
    const double seconds = found->step.value;
    std::cout << fmt::format("{} {:.2f}: {:.3f} us, gap {:.5f}, {} stages, {} microbatches, peak {:.3f} MB\n",
                             c.name, part, seconds * 1e6, found->gap, found->stages.size(),
                             found->microbatches, found->peak_memory.value / 1e6);
    EXPECT_LE(found->peak_memory.value, part * peak);
    EXPECT_LE(seconds * (1 - found->gap), least * (1 + 1e-9)) << c.name << " at " << part;
    if (part >= 1) {
      EXPECT_NEAR(seconds, fastest->step.value, 1e-9 * seconds);
    }
    least = std::min(least, seconds), slowest = std::max(slowest, seconds);
  }
  EXPECT_GE(fit, 5);
  EXPECT_GT(slowest, 1.005 * fastest->step.value);  // the limit mattered
}

constexpr Case kCases[] = {
    {"OneStage", "mlp:layers=3,in=480,hidden=480,out=480,batch=1024,optimizer=sgd", 1, 4, 1e12, 20e9, false},
    {"Adam", "mlp:layers=2,in=96,hidden=384,out=48,batch=256", 1, 4, 1e12, 10e9, false},
    {"PipelineOfTwo", "mlp:layers=8,in=800,hidden=480,out=240,batch=1024,optimizer=sgd", 2, 1, 1e12, 1e9,
     true},
    {"Momentum", "mlp:layers=4,in=900,hidden=300,out=100,batch=512,optimizer=momentum", 2, 1, 3e10, 1e8,
     true},
};
INSTANTIATE_TEST_SUITE_P(Limits, Memory, testing::ValuesIn(kCases),
                         [](const auto& info) { return std::string(info.param.name); });

}  // namespace
}  // namespace cordata::tests
