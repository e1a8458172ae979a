// SPDX-License-Identifier: Apache-2.0
// Steps with too many stages to solve each: estimates against solved stages, plans against their own program.
#include <gtest/gtest.h>

#include <cmath>
#include <iostream>

#include "cordata/models/zoo.h"
#include "cordata/planner/layers/step_layers.h"
#include "cordata/planner/stage_solver.h"

namespace cordata::planner {
namespace {

constexpr char kBlocks[] = "gpt:layers=16,hidden=512,heads=8,seq=128,vocab=1024,batch=64,dtype=f16,clip=1";

cluster::Cluster two_hosts() {
  cluster::Cluster c;
  c.hosts = 2, c.devices_per_host = 4;
  c.device.peak = {{ir::DType::kF32, base::FlopsPerSecond(15e12)},
                   {ir::DType::kF16, base::FlopsPerSecond(100e12)}};
  c.device.efficiency = 0.5;
  c.device.memory = base::Bytes(16e9);
  c.device.memory_bandwidth = base::BytesPerSecond(900e9);
  c.device.launch = base::Seconds(2e-6);
  c.intra = {base::Seconds(5e-6), base::BytesPerSecond(100e9), ""};
  c.inter = {base::Seconds(2e-5), base::BytesPerSecond(5e9), ""};
  return c;
}

TEST(StepLayers, BlocksThatRepeatAreLayers) {
  const auto joint = step::build_joint(models::build_train_step(kBlocks), 8);
  const auto layers = step_layers(joint, 0, 8);
  EXPECT_GE(layers.count, 16);  // and the head
  EXPECT_LE(layers.count, 17);
}

// The sum of its layers, each closed, is near what the whole stage costs where memory doesn't bind.
TEST(LayerCosts, EstimatesAreNearSolvedStages) {
  const auto cluster = two_hosts();
  const auto joint = step::build_joint(models::build_train_step(kBlocks), 8);
  const auto layers = step_layers(joint, 0, 8);
  PlannerLog log;
  StageSolver::Cache cache, other;
  StageSolver exact(joint, layers.of_op, layers.count, cluster, {}, 1e18, cache, log);
  StageSolver estimates(joint, layers.of_op, layers.count, cluster, {}, 1e18, other, log);
  double worst = 0;
  for (const auto& [first, last] : {std::pair{0, 3}, std::pair{4, 8}, std::pair{12, layers.count}})
    for (const int devices : {1, 2, 4}) {
      const StageKey key{first, last, 0, devices, 1};
      const double guess = estimates.estimate(key), cost = exact.seconds(key, HUGE_VAL);
      worst = std::max(worst, std::abs(guess / cost - 1));
      EXPECT_NEAR(guess, cost, 0.06 * cost) << first << '-' << last << " on " << devices;
    }
  std::cout << "estimates are at most " << 100 * worst << " % off\n";
}

// With less memory stages take longer, in the order of what is asked for, until nothing fits.
TEST(LayerCosts, LessMemoryTakesLonger) {
  const auto cluster = two_hosts();
  const auto joint = step::build_joint(models::build_train_step(kBlocks), 8);
  const auto layers = step_layers(joint, 0, 8);
  PlannerLog log;
  double before = 0;
  int finite = 0, different = 0;
  for (const double limit : {1e12, 1e9, 6e8, 5e8, 4.5e8, 4e8, 3.5e8, 3e8, 2.5e8, 2e8, 1e8, 1e7}) {
    StageSolver::Cache cache;
    StageSolver solver(joint, layers.of_op, layers.count, cluster, {}, limit, cache, log);
    const double seconds = solver.estimate({0, 8, 0, 4, 4});
    EXPECT_GE(seconds, before) << limit;
    finite += std::isfinite(seconds), different += seconds > before;
    before = seconds;
  }
  EXPECT_GE(finite, 2);
  EXPECT_GE(different, 2);
  EXPECT_TRUE(std::isinf(before));
}

// A plan of the large kind fits and uses all devices, and less memory makes it compute more again.
TEST(LargeStep, RecomputesWhereMemoryIsShort) {
  auto cluster = two_hosts();
  const auto step = models::build_train_step(kBlocks);
  PlannerOptions options;
  options.microbatches = 8;
  const auto roomy = planner::plan(step, cluster, options);  // may compute again what is slower to read
  options.remat = step::Remat::kNone;
  const auto kept = planner::plan(step, cluster, options);
  options.remat.reset();
  const auto again = [](const plan::Plan& p) {
    return p.remat.size() - std::count(p.remat.begin(), p.remat.end(), step::Remat::kNone);
  };
  options.memory_limit = base::Bytes(0.6 * roomy.peak_memory.value);
  const auto tight = planner::plan(step, cluster, options);
  EXPECT_LE(tight.peak_memory.value, options.memory_limit.value);
  EXPECT_GE(tight.step, roomy.step);
  EXPECT_LT(tight.peak_memory.value, 0.5 * kept.peak_memory.value);
  EXPECT_GT(again(tight), again(kept));
  for (const auto* p : {&roomy, &kept, &tight}) {
    size_t devices = 0;
    for (const auto& s : p->stages) devices += s.ranks.size();
    EXPECT_EQ(devices, 8u);
  }
  std::cout << "roomy " << roomy.step.value << " s, " << roomy.peak_memory.value / 1e6 << " MB; tight "
            << tight.step.value << " s, " << tight.peak_memory.value / 1e6 << " MB, "
            << (tight.remat.empty() ? "nothing again" : "some layers again") << "\n";
}

}  // namespace
}  // namespace cordata::planner
