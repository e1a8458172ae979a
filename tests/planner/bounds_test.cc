// SPDX-License-Identifier: Apache-2.0
// Stages against lower bounds of them.
#include <gtest/gtest.h>

#include <cmath>
#include <iostream>
#include <utility>

#include "cordata/models/zoo.h"
#include "cordata/planner/layers/step_layers.h"
#include "cordata/planner/stage_solver.h"

namespace cordata::planner {
namespace {

cluster::Cluster slow_links(double bandwidth) {
  cluster::Cluster c;
  c.hosts = 1, c.devices_per_host = 4;
  c.device.peak = {{ir::DType::kF32, base::FlopsPerSecond(1e12)}};
  c.device.memory = base::Bytes(16e9);
  c.device.memory_bandwidth = base::BytesPerSecond(200e9);
  c.device.launch = base::Seconds(1e-6);
  c.intra = c.inter = {base::Seconds(2e-6), base::BytesPerSecond(bandwidth), ""};
  return c;
}

// No stage takes less than its layers' bounds together, and they are near what it takes.
TEST(StageSolver, LayersBoundStages) {
  const char* models[] = {
      "gpt:layers=1,hidden=32,heads=2,seq=16,vocab=64,batch=4,clip=1",
      "gpt:layers=1,hidden=32,heads=2,seq=16,vocab=64,batch=4,tied=1,optimizer=momentum",
      "mlp:layers=4,in=64,hidden=128,out=32,batch=64,optimizer=adamw",
  };
  for (const char* model : models)
    for (const auto& [bandwidth, microbatches] : {std::pair{1e9, 1}, std::pair{50e9, 2}}) {
      const auto cluster = slow_links(bandwidth);
      const auto joint = step::build_joint(models::build_train_step(model), microbatches);
      const auto layers = step_layers(joint, 4, 4);
      StageSolver::Cache cache;
      PlannerLog log;
      StageSolver solver(joint, layers.of_op, layers.count, cluster, {}, 1e18, cache, log);
      double bounds = 0, costs = 0;
      for (int first = 0; first < layers.count; ++first)
        for (int last = first + 1; last <= layers.count; ++last)
          for (const int devices : {1, 2, 4}) {
            const StageKey key{first, last, 0, devices, 1};
            const double bound = solver.bound(key), cost = solver.seconds(key, HUGE_VAL);
            EXPECT_LE(bound, cost) << model << ' ' << first << '-' << last << " on " << devices;
            bounds += bound, costs += cost;
          }
      EXPECT_GT(bounds,
                (bandwidth > 1e10 ? 0.6 : 0.25) * costs)  // what arrives over slow links isn't in them
          << model << ' ' << bandwidth;
      std::cout << model << ' ' << bandwidth << ", M=" << microbatches << ": bounds are " << bounds / costs
                << " of costs\n";
    }
}

// Two devices of four have quick links: a bound holds for stages on them, too.
TEST(StageSolver, LayersBoundStagesWhereverTheyLie) {
  auto cluster = slow_links(1e6);
  cluster.device.peak = {{ir::DType::kF32, base::FlopsPerSecond(2e9)}};  // so that sharing the work pays
  cluster.topology = cluster::Topology::kLinks;
  cluster.wires = {{2, 3, 2, base::BytesPerSecond(50e9)}};
  const auto joint = step::build_joint(
      models::build_train_step("mlp:layers=4,in=64,hidden=128,out=32,batch=64,optimizer=adamw"), 1);
  const auto layers = step_layers(joint, 4, 4);
  StageSolver::Cache cache;
  PlannerLog log;
  StageSolver solver(joint, layers.of_op, layers.count, cluster, {}, 1e18, cache, log);
  int quicker = 0;
  for (int last = 1; last <= layers.count; ++last) {
    const StageKey here{0, last, 2, 2, 1}, there{0, last, 0, 2, 1};
    const double cost = solver.seconds(here, HUGE_VAL);
    EXPECT_LE(solver.bound(here), cost) << last;
    quicker += cost < 0.9 * solver.seconds(there, HUGE_VAL);
  }
  EXPECT_GT(quicker, 0);
}

}  // namespace
}  // namespace cordata::planner
