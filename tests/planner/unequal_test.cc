// SPDX-License-Identifier: Apache-2.0
// Plans over devices that differ.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <numeric>

#include "cordata/base/error.h"
#include "cordata/models/zoo.h"
#include "cordata/planner/layers/step_layers.h"
#include "cordata/planner/planner.h"
#include "cordata/planner/stage_solver.h"
#include "tests/planner/sweeps.h"

namespace cordata::tests {
namespace {

// Twelve equal layers.
constexpr const char* kLayers = "mlp:layers=12,in=256,hidden=256,out=256,batch=512,optimizer=sgd";

cluster::Cluster at_speeds(const std::vector<double>& speeds, double bandwidth = 50e9) {
  auto c = devices(1, static_cast<int>(speeds.size()), bandwidth);
  c.device.launch = base::Seconds(0);
  c.intra.alpha = c.inter.alpha = base::Seconds(1e-9);
  for (size_t d = 0; d < speeds.size(); ++d) {
    if (speeds[d] == 1) continue;
    c.groups.push_back({static_cast<int>(d), 1, c.device});
    c.groups.back().device.speed = speeds[d];
  }
  return c;
}

std::vector<int> layers_of(const plan::Plan& plan) {
  std::vector<int> out;
  for (const auto& s : plan.stages) out.push_back(s.num_layers);
  return out;
}

plan::Plan pipeline_of(const cluster::Cluster& c, int stages, int microbatches) {
  return planner::plan(
      models::build_train_step(kLayers), c,
      {.name = fmt::format("pipeline:stages={},microbatches={}", stages, microbatches), .layers = 12});
}

// What twelve equal layers take on devices of such speeds, by the formula alone: all cuts into runs.
double best_of_cuts(const std::vector<double>& speeds, int microbatches, int layers, double sum = 0,
                    double most = 0) {
  if (speeds.size() == 1) {
    const double last = layers / speeds[0];
    return sum + last + (microbatches - 1) * std::max(most, last);
  }
  double best = HUGE_VAL;
  for (int n = 1; n < layers; ++n)
    best = std::min(best, best_of_cuts({speeds.begin() + 1, speeds.end()}, microbatches, layers - n,
                                       sum + n / speeds[0], std::max(most, n / speeds[0])));
  return best;
}

TEST(Unequal, StagesGetLayersByTheirDevicesSpeeds) {
  for (const auto& speeds : std::vector<std::vector<double>>{
           {1, 0.5, 0.5}, {0.5, 0.5, 1}, {0.5, 1, 0.5}, {1, 0.25}, {0.3, 0.9, 0.6}}) {
    const int stages = static_cast<int>(speeds.size());
    const auto uneven = pipeline_of(at_speeds(speeds), stages, 16);
    const auto even = pipeline_of(at_speeds(std::vector<double>(stages, 1)), stages, 16);
    const double of_formula =
        best_of_cuts(speeds, 16, 12) / best_of_cuts(std::vector<double>(stages, 1), 16, 12);
    EXPECT_NEAR(uneven.step / even.step / of_formula, 1, 0.05) << testing::PrintToString(speeds);
    for (size_t s = 0; s < speeds.size(); ++s)
      EXPECT_NEAR(layers_of(uneven)[s], 12 * speeds[s] / std::accumulate(speeds.begin(), speeds.end(), 0.0),
                  1)
          << testing::PrintToString(speeds);
  }
}

// Groups whose devices are the cluster's own change nothing, and nothing more is solved.
TEST(Unequal, EqualGroupsArePlannedAsOneKind) {
  const auto step = models::build_train_step("mlp:layers=4,in=96,hidden=384,out=48,batch=256");
  const auto plain = devices(3, 1, 20e9);
  auto grouped = plain;
  grouped.groups = {{0, 1, plain.device}, {2, 1, plain.device}};
  grouped.groups[1].device.kind = "the same by another name";
  auto unequal = grouped;
  unequal.groups[1].device.speed = 0.8;
  planner::PlannerLog plain_log, grouped_log, unequal_log;
  const auto a = planner::plan(step, plain, {}, &plain_log),
             b = planner::plan(step, grouped, {}, &grouped_log);
  EXPECT_EQ(a.step.value, b.step.value);
  EXPECT_EQ(layers_of(a), layers_of(b));
  EXPECT_EQ(plain_log.problems_solved, grouped_log.problems_solved);
  EXPECT_EQ(plain_log.stages_asked, grouped_log.stages_asked);
  const auto slower = planner::plan(step, unequal, {}, &unequal_log);
  EXPECT_GT(slower.step.value, a.step.value);
  EXPECT_LT(slower.step.value, a.step.value / 0.8);
}

// Without a limit for all, each device holds what it has.
TEST(Unequal, EachDeviceHoldsWhatItHas) {
  auto c = at_speeds({1, 1, 1});
  const double whole = pipeline_of(c, 3, 4).peak_memory.value;
  c.device.memory = base::Bytes(2 * whole);
  c.groups = {{1, 1, c.device}};
  c.groups[0].device.memory = base::Bytes(0.55 * whole);
  const auto plan = pipeline_of(c, 3, 4);
  for (const auto& s : plan.stages)
    EXPECT_LE(s.predicted.peak_memory.value, c.device_at(s.ranks[0]).memory.value);
  EXPECT_LT(layers_of(plan)[1], layers_of(plan)[0]);
  c.groups[0].device.memory = base::Bytes(0.01 * whole);
  try {
    pipeline_of(c, 3, 4);
    FAIL() << "a device of so little memory has a stage";
  } catch (const base::Error& e) {
    EXPECT_EQ(e.kind(), base::ErrorKind::kInfeasible);
    EXPECT_NE(std::string(e.what()).find(base::to_string(c.groups[0].device.memory) + " to "),
              std::string::npos)
        << e.what();
  }
}

// A stage on a fast and a slow device is as slow as on two slow ones, a bound of it no higher; work that no
// devices escape is that of the fastest.
TEST(Unequal, TheSlowestDeviceOfAStageCounts) {
  const auto joint = step::build_joint(models::build_train_step(kLayers), 1);
  const auto layers = planner::step_layers(joint, 4, 4);
  const auto mixed = at_speeds({1, 0.5, 0.5, 1}), fast = at_speeds({1, 1, 1, 1});
  planner::StageSolver::Cache cache;
  planner::PlannerLog log;
  planner::StageSolver solver(joint, layers.of_op, layers.count, mixed, {}, 1e18, cache, log);
  planner::StageSolver all_fast(joint, layers.of_op, layers.count, fast, {}, 1e18, cache, log);
  const auto seconds = [&](planner::StageSolver& s, int first, int devices) {
    const planner::StageKey key{0, layers.count, first, devices, 1};
    const double found = s.seconds(key, HUGE_VAL);
    EXPECT_LE(s.bound(key), found);
    EXPECT_GT(s.bound(key), 0.3 * found);
    return found;
  };
  EXPECT_DOUBLE_EQ(seconds(solver, 0, 2), seconds(solver, 1, 2));
  EXPECT_GT(seconds(solver, 0, 2), 1.3 * seconds(all_fast, 0, 2));
  EXPECT_DOUBLE_EQ(seconds(solver, 3, 1), seconds(all_fast, 0, 1));
  EXPECT_NEAR(seconds(solver, 1, 1), 2 * seconds(all_fast, 0, 1), 1e-9);
  const auto least = solver.least_work(), of_fast = all_fast.least_work();
  for (size_t l = 0; l < least.size(); ++l) EXPECT_DOUBLE_EQ(least[l], of_fast[l]);
}

// Large steps, whose stages are estimated from layers: a slow host gets fewer blocks.
TEST(Unequal, LargeStepsUseSlowHosts) {
  auto c = devices(4, 2, 25e9, 32e9);
  c.groups = {{4, 4, c.device}};
  c.groups[0].device.speed = 0.5;
  auto all_fast = c;
  all_fast.groups.clear();
  const auto step =
      models::build_train_step("gpt:layers=32,hidden=512,heads=8,seq=256,vocab=2048,batch=16,optimizer=sgd");
  bool estimated = false;
  planner::PlannerLog log;
  log.say = [&](const std::string& words) { estimated |= words.find("by estimates") != std::string::npos; };
  const auto uneven = planner::plan(step, c, {.microbatches = 8, .remat = step::Remat::kNone}, &log);
  EXPECT_TRUE(estimated);
  const auto fast = planner::plan(step, all_fast, {.microbatches = 8, .remat = step::Remat::kNone});
  EXPECT_GT(uneven.step.value, 1.1 * fast.step.value);
  EXPECT_LT(uneven.step.value, 1.6 * fast.step.value);  // 2 on slow devices alone, 4/3 at best
  int on_slow = 0, all = 0;
  for (const auto& s : uneven.stages) {
    all += s.num_layers;
    if (s.ranks.front() >= 4) on_slow += s.num_layers;
  }
  EXPECT_GT(on_slow, 0);
  EXPECT_LT(on_slow, 0.45 * all);
}

}  // namespace
}  // namespace cordata::tests
