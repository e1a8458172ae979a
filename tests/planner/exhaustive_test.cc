// SPDX-License-Identifier: Apache-2.0
// The program over cuttings against all cuttings, one by one, both with the same table of stage costs.
#include "tests/planner/exhaustive.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <iostream>
#include <limits>
#include <set>

#include "cordata/planner/inter_op/stages.h"
#include "cordata/planner/places.h"

namespace cordata::tests {
namespace {

using planner::StageKey;
using planner::StageProblem;

constexpr double kNever = std::numeric_limits<double>::infinity();
constexpr double kEpsilon = 1e-3;

// A cluster of those kinds of devices: each run of a kind is a group, unless it is of the first kind.
cluster::Cluster cluster_of(const CuttingCase& c) {
  cluster::Cluster out;
  out.hosts = c.hosts, out.devices_per_host = c.devices_per_host;
  for (int d = 0; d < c.devices(); ++d) {
    if (c.kinds[d] == 0) continue;
    auto& groups = out.groups;
    if (d > 0 && c.kinds[d] == c.kinds[d - 1])
      ++groups.back().count;
    else
      groups.push_back({d, 1, out.device}), groups.back().device.speed = 1.0 / (1 + c.kinds[d]);
  }
  return out;
}

class Planner {
 public:
  explicit Planner(const CuttingCase& c) : case_(c), cluster_(cluster_of(c)), places_(cluster_, 0) {}

  // As the planner asks for it: places that are alike to it are asked about once.
  StageProblem problem(int m) const {
    StageProblem p;
    p.layers = case_.layers;
    p.devices = case_.devices(), p.devices_per_host = case_.devices_per_host;
    p.microbatches = case_.microbatches[m];
    p.cores_shared_by = case_.cores > 0 ? case_.devices() / case_.cores : 1;
    p.all_in_flight = case_.gpipe;
    p.allow_idle = case_.may_idle;
    if (case_.stages > 0) p.min_stages = p.max_stages = case_.stages;
    p.alike = [this](int first, int devices) { return places_.alike(first, devices); };
    p.exact = [this, m](const StageKey& k, double) { return seconds(m, k); };
    return p;
  }
  double seconds(int m, const StageKey& k) const {
    return case_.seconds(m, k.first_layer, k.last_layer, k.first_device, k.devices, k.in_flight);
  }
  double bytes(int m, const StageKey& k) const {
    return case_.bytes(m, k.first_layer, k.last_layer, k.first_device, k.devices, k.in_flight);
  }
  double bound(int m, const StageKey& k) const {
    double sum = 0;
    for (int l = k.first_layer; l < k.last_layer; ++l) sum += case_.least_work(m, l);
    return sum / std::pow(k.devices, 0.8) * (1 - 1e-9);
  }

 private:
  const CuttingCase& case_;
  const cluster::Cluster cluster_;
  const planner::Places places_;
};

// The step of a cutting whose stages are where they are, not where the planner asked about them.
double step_of(const Planner& planner, const StageProblem& p, int m, const std::vector<StageKey>& stages) {
  std::vector<double> costs;
  for (const auto& s : stages) costs.push_back(planner.seconds(m, s));
  return step_seconds(p, stages, costs);
}

struct Counts {
  int compared = 0, infeasible = 0, asked_less = 0, unequal = 0, hosts = 0, shared = 0, memory = 0;
  int64_t cuttings = 0;
};

void expect_best(const char* how, const Planner& planner, const StageProblem& p, int m, double best,
                 double epsilon = 1e-12) {
  const auto found = cut_stages(p);
  ASSERT_EQ(found.has_value(), std::isfinite(best)) << how;
  if (!found) return;
  EXPECT_NEAR(found->seconds / best, 1, epsilon) << how;
  EXPECT_NEAR(step_of(planner, p, m, found->stages) / found->seconds, 1, 1e-9) << how;
}

// One number of microbatches, in each of the ways in which the planner asks.
void compare(const CuttingCase& c, int m, double best, double fewest_bytes, Counts& counts) {
  const Planner planner(c);
  const StageProblem plain = planner.problem(m);
  expect_best("plain", planner, plain, m, best);
  StageProblem lazy = plain;
  lazy.bound = [&](const StageKey& k) { return planner.bound(m, k); };
  expect_best("bounds first", planner, lazy, m, best);
  if (std::isfinite(best)) counts.asked_less += cut_stages(lazy)->evaluated < cut_stages(plain)->evaluated;
  // What isn't wanted may be answered by anything from `below` to the truth.
  StageProblem hasty = lazy;
  hasty.exact = [&](const StageKey& k, double below) {
    const double truth = planner.seconds(m, k);
    return truth < below || std::isinf(truth) ? truth : below + (truth - below) * (c.seed % 5) / 4.0;
  };
  expect_best("hasty", planner, hasty, m, best);
  if (std::isfinite(best)) {
    hasty.at_most = best * 1.01;
    expect_best("limited", planner, hasty, m, best);
    hasty.at_most = best * 0.99;
    EXPECT_FALSE(cut_stages(hasty));
  }
  // As large steps do it: estimates, exact costs of whole cuttings, and work that no devices escape.
  StageProblem estimated = plain;
  estimated.epsilon = kEpsilon;
  estimated.estimate = [&](const StageKey& k) { return planner.seconds(m, k); };
  estimated.exact_together = [&](const std::vector<StageKey>& stages) {
    std::vector<double> costs;
    for (const auto& s : stages) costs.push_back(planner.seconds(m, s));
    return costs;
  };
  for (int l = 0; l < c.layers; ++l) estimated.least_work.push_back(c.least_work(m, l));
  expect_best("estimated", planner, estimated, m, best, kEpsilon);
  StageProblem memory = plain;
  memory.exact = [&](const StageKey& k, double) { return planner.bytes(m, k); };
  memory.bound = [&](const StageKey& k) { return 0.5 * planner.bytes(m, k); };
  const auto fullest = cut_least_most(memory);
  ASSERT_EQ(fullest.has_value(), std::isfinite(fewest_bytes));
  if (fullest) {
    EXPECT_NEAR(fullest->seconds / fewest_bytes, 1, 1e-9);
  }
}

// The best number of microbatches, each asked only for what is faster than those before.
void compare_over_microbatches(const CuttingCase& c, const std::vector<double>& best) {
  const Planner planner(c);
  double fastest = kNever;
  for (size_t m = 0; m < c.microbatches.size(); ++m) {
    StageProblem p = planner.problem(static_cast<int>(m));
    p.bound = [&](const StageKey& k) { return planner.bound(static_cast<int>(m), k); };
    p.at_most = fastest;
    if (const auto found = cut_stages(p)) fastest = std::min(fastest, found->seconds);
  }
  const double truth = *std::min_element(best.begin(), best.end());
  if (std::isinf(truth)) {
    EXPECT_TRUE(std::isinf(fastest));
  } else {
    EXPECT_NEAR(fastest / truth, 1, 1e-12);
  }
}

TEST(Exhaustive, TheProgramOverCuttingsFindsTheBestOfAll) {
  std::mt19937_64 random(7);
  Counts counts;
  for (int trial = 0; trial < 700 && !testing::Test::HasFailure(); ++trial) {
    SCOPED_TRACE(trial);
    const CuttingCase c = draw_cutting_case(random);
    const BestCutting all = all_cuttings(c);
    for (size_t m = 0; m < c.microbatches.size(); ++m)
      compare(c, static_cast<int>(m), all.seconds[m], all.bytes[m], counts);
    compare_over_microbatches(c, all.seconds);
    const bool fits =
        std::any_of(all.seconds.begin(), all.seconds.end(), [](double s) { return s < kNever; });
    ++(fits ? counts.compared : counts.infeasible);
    counts.unequal += fits && std::set(c.kinds.begin(), c.kinds.end()).size() > 1;
    counts.hosts += fits && c.hosts > 1;
    counts.shared += fits && c.cores > 0;
    counts.cuttings += all.cuttings;
    CuttingCase roomy = c;
    std::fill(roomy.room.begin(), roomy.room.end(), 1e-9);
    counts.memory += fits && all_cuttings(roomy).seconds != all.seconds;
  }
  EXPECT_GE(counts.compared, 500);
  EXPECT_GE(counts.infeasible, 10);
  EXPECT_GE(counts.unequal, 150);
  EXPECT_GE(counts.hosts, 200);
  EXPECT_GE(counts.shared, 100);
  EXPECT_GE(counts.memory, 50);
  EXPECT_GT(counts.asked_less, counts.compared / 3);
  std::cout << counts.compared << " cases, " << counts.infeasible << " more in which nothing fits, "
            << counts.cuttings << " cuttings; " << counts.unequal << " with unequal devices, " << counts.hosts
            << " with several hosts, " << counts.shared << " with shared cores, in " << counts.memory
            << " memory counts\n";
}

// Four layers in three stages, a device each: one of the three has two.
TEST(Exhaustive, KnowsASimpleCase) {
  CuttingCase c;
  c.layers = 4, c.devices_per_host = 3, c.kinds = {0, 1, 1}, c.stages = 3, c.microbatches = {1};
  c.slowness = {1, 2}, c.room = {1e-9, 1e-9}, c.work = {1, 1, 1, 1};
  double least = kNever;  // no luck but the table's: the largest of three cuts
  for (int two = 0; two < 3; ++two) {
    double sum = 0;
    for (int s = 0, layer = 0; s < 3; ++s) {
      const int n = s == two ? 2 : 1;
      sum += c.seconds(0, layer, layer + n, s, 1, 1);
      layer += n;
    }
    least = std::min(least, sum);
  }
  EXPECT_DOUBLE_EQ(all_cuttings(c).seconds[0], least);
  EXPECT_EQ(all_cuttings(c).cuttings, 3);
}

}  // namespace
}  // namespace cordata::tests
