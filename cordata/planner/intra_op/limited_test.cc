// SPDX-License-Identifier: Apache-2.0
#include "cordata/planner/intra_op/limited.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <random>

namespace cordata::planner {
namespace {

const auto kNoDeadline = Clock::time_point::max();

// Nodes alive over stretches of time, the cheaper strategies using more; neighbours are tied, some pairs
// forbidden.
Problem drawn(std::mt19937_64& random, int nodes, int strategies) {
  const auto below = [&](int n) { return static_cast<int64_t>(random() % static_cast<unsigned>(n)); };
  Problem p;
  for (int n = 0; n < nodes; ++n) {
    Problem::Node node;
    node.from = below(nodes), node.to = node.from + 1 + below(nodes);
    for (int s = 0; s < strategies; ++s)
      node.cost.push_back(100 + 40 * s + below(30)), node.usage.push_back((100 + below(40)) / (s + 1));
    p.nodes.push_back(std::move(node));
    for (const int back : {1, 3}) {
      if (n < back) continue;
      Problem::Edge edge{n - back, n, {}};
      for (int i = 0; i < strategies * strategies; ++i)
        edge.cost.push_back(below(12) == 0 ? kInfinite : below(60));
      p.edges.push_back(std::move(edge));
    }
  }
  return p;
}

void each_choice(const Problem& p, const std::function<void(const std::vector<int>&)>& visit) {
  std::vector<int> choice(p.nodes.size(), 0);
  while (true) {
    visit(choice);
    size_t i = 0;
    while (i < choice.size() && ++choice[i] == static_cast<int>(p.nodes[i].cost.size())) choice[i++] = 0;
    if (i == choice.size()) return;
  }
}

TEST(Limited, EnclosesEnumeration) {
  std::mt19937_64 random(21);
  int found = 0, impossible = 0, near = 0;
  for (int round = 0; round < 200; ++round) {
    Problem p = drawn(random, 7, 3);
    int64_t least_peak = INT64_MAX, most_peak = 0;
    each_choice(p, [&](const auto& choice) {
      if (!evaluate(p, choice)) return;
      least_peak = std::min(least_peak, peak_usage(p, choice)),
      most_peak = std::max(most_peak, peak_usage(p, choice));
    });
    if (least_peak == INT64_MAX) continue;
    const LeastUsage least = least_usage(p, std::nullopt, kNoDeadline);
    ASSERT_LE(usage_floor(p), least_peak) << round;
    ASSERT_LE(least.bound, least_peak) << round;
    ASSERT_GE(least.peak, least_peak) << round;
    ASSERT_EQ(peak_usage(p, least.choice), least.peak) << round;

    p.usage_limit =
        least_peak - 5 + static_cast<int64_t>(random() % static_cast<unsigned>(most_peak - least_peak + 6));
    std::optional<__int128> want;
    each_choice(p, [&](const auto& choice) {
      const auto cost = evaluate(p, choice);
      if (cost && (!want || *cost < *want) && peak_usage(p, choice) <= p.usage_limit) want = cost;
    });
    const Solution got = minimise_limited(p, {}, kNoDeadline);
    if (got.proven_infeasible) ++impossible;
    if (!want) {
      ASSERT_FALSE(got.feasible) << round;
      continue;
    }
    ASSERT_FALSE(got.proven_infeasible) << round;
    ASSERT_TRUE(got.lower_bound <= *want) << round;
    if (!got.feasible) continue;
    ++found;
    ASSERT_TRUE(got.cost >= *want && *evaluate(p, got.choice) == got.cost) << round;
    ASSERT_LE(peak_usage(p, got.choice), p.usage_limit) << round;
    near += static_cast<double>(got.cost - *want) <= 0.02 * static_cast<double>(*want);
    const Solution whole = solve(p);  // closes what gap is left, in a problem as small as this one
    ASSERT_TRUE(whole.optimal() && whole.cost == *want) << round;
    SolveOptions cheaper;
    cheaper.below = *want;
    const Solution none = minimise_limited(p, cheaper, kNoDeadline);
    ASSERT_TRUE(!none.feasible && none.lower_bound <= *want) << round;
  }
  EXPECT_GT(found, 100);
  EXPECT_GT(impossible, 0);
  EXPECT_GT(near, found * 2 / 3);
}

TEST(Limited, LongProblemsAreFittedWithASmallGap) {
  std::mt19937_64 random(22);
  for (int round = 0; round < 5; ++round) {
    Problem p = drawn(random, 300, 4);
    const int64_t free = peak_usage(p, minimise(p, {}, kInfinite, kNoDeadline).choice);
    for (const double part : {0.99, 0.9, 0.7}) {
      p.usage_limit = static_cast<int64_t>(static_cast<double>(free) * part);
      const Solution got = solve(p);
      ASSERT_TRUE(got.feasible) << round << " " << part;
      EXPECT_LE(peak_usage(p, got.choice), p.usage_limit);
      EXPECT_LT(got.gap(), 0.02) << round << " " << part;
    }
  }
}

}  // namespace
}  // namespace cordata::planner
