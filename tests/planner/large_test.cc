// SPDX-License-Identifier: Apache-2.0
// Steps with too many stages to solve each: estimates against solved stages, plans against their own program.
#include <gtest/gtest.h>

#include <cmath>
#include <iostream>
#include <numeric>

#include "cordata/models/zoo.h"
#include "cordata/planner/intra_op/describe.h"
#include "cordata/planner/layers/step_layers.h"
#include "cordata/planner/stage_solver.h"
#include "cordata/step/shorten.h"

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
step::ShortStep shortened(const step::JointStep& joint, const StepLayers& layers) {
  std::vector<int> each(layers.count);
  std::iota(each.begin(), each.end(), 0);
  const auto homes = step::find_homes(joint, layers.of_op, each);
  return step::shorten(joint, layers.of_op, homes, alike_layers(joint, homes, {}));
}

// Gradients are clipped by a sum over all layers and the first and last layer share a matrix.
TEST(ShortStep, ItsLayersCostWhatTheWholesDo) {
  const auto cluster = two_hosts();
  const auto joint = step::build_joint(models::build_train_step(kBlocks), 8);
  const auto layers = step_layers(joint, 0, 8, true);
  const auto little = shortened(joint, layers);
  EXPECT_LE(little.num_layers, 7);
  ASSERT_EQ(little.layer.size(), static_cast<size_t>(layers.count));
  for (size_t i = 0; i < little.op.size(); ++i)
    EXPECT_EQ(little.joint.graph.node(little.joint.graph.ops()[i]).kind,
              joint.graph.node(joint.graph.ops()[little.op[i]]).kind);
  std::vector<int> each(layers.count);
  std::iota(each.begin(), each.end(), 0);
  const WholeStep all{little.layer, step::ops_of_layers(step::find_homes(joint, layers.of_op, each))};
  PlannerLog log;
  StageSolver::Cache cache, other;
  for (const auto remat : {step::Remat::kNone, step::Remat::kSelective, step::Remat::kLayer}) {
    const auto of_whole = step::rematerialise(joint, layers.of_op, std::vector(layers.count, remat));
    const auto of_little =
        step::rematerialise(little.joint, little.layers, std::vector(little.num_layers, remat));
    std::vector<int> base = of_little.origin;
    for (int& op : base) op = op < 0 ? op : little.op[op];
    StageSolver whole(of_whole.joint, of_whole.layers, layers.count, cluster, {}, 4e8, cache, log,
                      of_whole.origin);
    StageSolver few(of_little.joint, of_little.layers, little.num_layers, cluster, {}, 4e8, other, log, base,
                    all);
    EXPECT_EQ(whole.least_work(), few.least_work());
    int fit = 0;
    for (const StageKey& key :
         {StageKey{0, 3, 0, 2, 3}, StageKey{2, 3, 2, 1, 2}, StageKey{5, layers.count, 4, 4, 1}}) {
      EXPECT_DOUBLE_EQ(whole.estimate(key), few.estimate(key));
      EXPECT_DOUBLE_EQ(whole.peak_bound(key), few.peak_bound(key));
      if (!std::isfinite(whole.estimate(key))) continue;
      ++fit;
      const size_t view = whole.best_by_estimate(key);
      EXPECT_TRUE(whole.give(key, view).strategies == few.give(key, view).strategies) << key.first_layer;
    }
    EXPECT_GE(fit, 2);
  }
}

TEST(ShortStep, NothingIsLeftOutWhereLayersDiffer) {
  const auto joint = step::build_joint(
      models::build_train_step("gpt:layers=8,hidden=64,heads=4,seq=16,vocab=64,batch=8,widen=8"), 1);
  const auto layers = step_layers(joint, 8, 8);
  const auto little = shortened(joint, layers);
  EXPECT_EQ(little.num_layers, layers.count);
  EXPECT_EQ(little.op.size(), joint.graph.ops().size());
}

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
