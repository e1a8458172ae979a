// SPDX-License-Identifier: Apache-2.0
// What the planner counts for a stage beside what the simulator makes of the program that the plan is lowered
// to.
#include <gtest/gtest.h>

#include <cctype>
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

// Large enough that tensors count, not ops.
constexpr const char* kWideMlp = "mlp:layers=6,in=512,hidden=1024,out=512,batch=256";
constexpr const char* kWideGpt = "gpt:layers=4,hidden=256,heads=4,seq=64,batch=16";

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
  bool cpu = false;  // devices that wait for memory while they compute
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
  if (c.cpu) out.device.overlap = 0;
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
                                         Case{"auto", 4, 0.12}, Case{"single", 1, 1e-3, 1, true},
                                         Case{"data", 4, 0.045, 1, true}, Case{"tensor", 4, 0.03, 1, true},
                                         Case{"zero-3", 4, 0.02, 1, true}),
                         [](const auto& of) {
                           std::string name = of.param.planner + std::to_string(of.param.devices);
                           if (of.param.speed != 1) name += "unequal";
                           if (of.param.cpu) name += "cpu";
                           std::erase(name, '-');
                           return name;
                         });

// A plan that the planner says fits runs in no more than 5 % more, as the simulator counts its program; where
// weights are gathered for each use, or all microbatches are sent before any comes back, in somewhat more.
struct Fit {
  const char* planner;
  int microbatches;
  step::Remat remat = step::Remat::kNone;
  double most = 1.05;
};

void PrintTo(const Fit& f, std::ostream* out) { *out << f.planner << ", " << f.microbatches; }

class Memory : public testing::TestWithParam<Fit> {};

TEST_P(Memory, IsEnoughForTheProgram) {
  const Fit& f = GetParam();
  for (const char* model : {kWideMlp, kWideGpt}) {
    const auto step = models::build_train_step(model);
    const auto plan = planner::plan(step, cluster_of({f.planner, 4, 0}),
                                    {.name = f.planner, .microbatches = f.microbatches, .remat = f.remat});
    const auto program =
        program::lower(plan::planned_step(step, plan), step, plan, partition::CollectiveMode::kCustomCall);
    const double needs = simulate::simulate(program, plan.cluster).peak_memory / plan.peak_memory;
    std::cout << model << ": needs " << needs << " of what is planned\n";
    EXPECT_LE(needs, f.most) << model;
    EXPECT_GE(needs, 0.6) << model;
  }
}
INSTANTIATE_TEST_SUITE_P(
    Simulate, Memory,
    testing::Values(Fit{"data", 1}, Fit{"data", 4}, Fit{"data", 1, step::Remat::kLayer}, Fit{"zero-2", 1},
                    Fit{"zero-2", 4}, Fit{"zero-3", 1, step::Remat::kNone, 1.14},
                    Fit{"zero-3", 4, step::Remat::kNone, 1.14}, Fit{"tensor", 1}, Fit{"tensor", 4},
                    Fit{"pipeline:stages=4,schedule=1f1b", 8},
                    Fit{"pipeline:stages=4,schedule=gpipe", 8, step::Remat::kNone, 1.08},
                    Fit{"pipeline:stages=4,schedule=1f1b", 4, step::Remat::kLayer},
                    Fit{"pipeline:stages=2,data=2,schedule=1f1b", 4}, Fit{"auto", 1}, Fit{"auto", 4}),
    [](const auto& of) {
      std::string name = of.param.planner + std::string("_") + std::to_string(of.param.microbatches);
      if (of.param.remat != step::Remat::kNone) name += "_layer";
      std::erase_if(name, [](char c) { return c != '_' && !std::isalnum(static_cast<unsigned char>(c)); });
      return name;
    });

}  // namespace
}  // namespace cordata::tests
