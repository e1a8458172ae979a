// SPDX-License-Identifier: Apache-2.0
// What the planner counts for a stage beside what the simulator makes of the program that the plan is lowered
// to.
#include <gtest/gtest.h>

#include <iostream>

#include "cordata/models/zoo.h"
#include "cordata/plan/plan.h"
#include "cordata/planner/planner.h"
#include "cordata/program/program.h"
#include "cordata/simulate/simulate.h"

namespace cordata::tests {
namespace {

constexpr const char* kMlp = "mlp:layers=3,in=64,hidden=128,out=32,batch=2048,optimizer=adamw";
constexpr const char* kMomentum = "mlp:layers=3,in=64,hidden=128,out=32,batch=2048,optimizer=momentum";
constexpr const char* kGpt = "gpt:layers=1,hidden=64,heads=4,seq=16,vocab=64,batch=16";

// How far apart they may be, as a part: on one device, where one microbatch is its own sum, kernels differ by
// an op here and there. On
// several, a loss that is summed and a device's index cost the simulator an op to start here and there; and a
// value that would fuse into its reader is written, and read again, where it is resharded on the way, which
// the planner doesn't count and `auto` so chooses more often than it should.
struct Case {
  const char* planner;
  int devices;
  double apart;
  double speed = 1;  // of device 1
};

void PrintTo(const Case& c, std::ostream* out) { *out << c.planner << " on " << c.devices; }

cluster::Cluster cluster_of(const Case& c) {
  cluster::Cluster out;
  out.devices_per_host = c.devices;
  out.device.peak = {{ir::DType::kF32, base::FlopsPerSecond(1e11)}};
  out.device.memory = base::Bytes(16e9);
  out.device.memory_bandwidth = base::BytesPerSecond(2e10);
  out.device.launch = base::Seconds(1e-6);
  out.intra = out.inter = {base::Seconds(2e-6), base::BytesPerSecond(1e10), ""};
  if (c.speed != 1) {
    out.groups = {{1, 1, out.device}};
    out.groups[0].device.speed = c.speed;
  }
  return out;
}

class OneStage : public testing::TestWithParam<Case> {};

TEST_P(OneStage, CostsWhatTheSimulatorFinds) {
  const Case& c = GetParam();
  int compared = 0;
  for (const char* model : {kMlp, kMomentum, kGpt})
    for (const int microbatches : {1, 2, 4}) {
      const auto step = models::build_train_step(model);
      const auto plan = planner::plan(step, cluster_of(c), {.name = c.planner, .microbatches = microbatches});
      if (plan.stages.size() > 1) continue;  // `auto`, once
      ++compared;
      const auto program =
          program::lower(plan::planned_step(step, plan), step, plan, partition::CollectiveMode::kCustomCall);
      const double ratio = simulate::simulate(program, plan.cluster).step / plan.step;
      std::cout << c.planner << " on " << c.devices << ", " << microbatches << " microbatches: " << ratio
                << " (" << model << ")\n";
      EXPECT_NEAR(ratio, 1, c.apart) << model << ", " << microbatches << " microbatches";
    }
  EXPECT_GE(compared, 8);
}
INSTANTIATE_TEST_SUITE_P(Simulate, OneStage,
                         testing::Values(Case{"single", 1, 3e-4}, Case{"data", 2, 0.045},
                                         Case{"data", 4, 0.045}, Case{"data", 4, 0.045, 0.5},
                                         Case{"tensor", 4, 0.02}, Case{"zero-2", 4, 0.02},
                                         Case{"zero-3", 4, 0.02}, Case{"auto", 2, 0.08},
                                         Case{"auto", 4, 0.12}),
                         [](const auto& of) {
                           std::string name = of.param.planner + std::to_string(of.param.devices);
                           if (of.param.speed != 1) name += "unequal";
                           std::erase(name, '-');
                           return name;
                         });

}  // namespace
}  // namespace cordata::tests
