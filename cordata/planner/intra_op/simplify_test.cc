// SPDX-License-Identifier: Apache-2.0
#include "cordata/planner/intra_op/simplify.h"

#include <gtest/gtest.h>

#include <random>

#include "cordata/planner/intra_op/solve.h"

namespace cordata::planner {
namespace {

// A random problem without memory; some pairs are forbidden.
Problem random_problem(std::mt19937& random) {
  const auto below = [&](int n) { return static_cast<int>(random() % static_cast<unsigned>(n)); };
  Problem p;
  const int nodes = 2 + below(5);
  for (int n = 0; n < nodes; ++n) {
    p.nodes.emplace_back();
    for (int s = 1 + below(4); s > 0; --s) p.nodes.back().cost.push_back(below(30) - 5);
  }
  for (int e = below(9); e > 0; --e) {
    Problem::Edge edge{below(nodes), below(nodes), {}};
    for (size_t i = 0; i < p.nodes[edge.u].cost.size() * p.nodes[edge.v].cost.size(); ++i)
      edge.cost.push_back(below(8) == 0 ? kInfinite : below(20));
    p.edges.push_back(std::move(edge));
  }
  return p;
}

std::optional<__int128> least(const Problem& p, std::vector<int>& choice, size_t n = 0) {
  choice.resize(p.nodes.size());
  if (n == p.nodes.size()) return evaluate(p, choice);
  std::optional<__int128> best;
  for (size_t s = 0; s < p.nodes[n].cost.size(); ++s) {
    choice[n] = static_cast<int>(s);
    const auto cost = least(p, choice, n + 1);
    if (cost && (!best || *cost < *best)) best = cost;
  }
  return best;
}

TEST(Simplify, KeepsAnOptimum) {
  std::mt19937 random(7);
  for (int round = 0; round < 2000; ++round) {
    const Problem p = random_problem(random);
    std::vector<int> choice;
    const auto want = least(p, choice);
    const Simplifier simple(p);
    ASSERT_TRUE(costs_are_small(p));
    if (simple.infeasible()) {
      EXPECT_FALSE(want) << round;
      continue;
    }
    const Problem core = simple.core();
    const auto inner = least(core, choice);
    ASSERT_EQ(inner.has_value(), want.has_value()) << round;
    if (!want) continue;
    EXPECT_TRUE(*inner + simple.constant() == *want) << round;
    const Solution solved = core.nodes.empty() ? Solution{} : solve(core);
    const auto cost = evaluate(p, simple.expand(solved.choice));
    ASSERT_TRUE(cost) << round;
    EXPECT_TRUE(*cost == *want) << round;
  }
}

TEST(Simplify, FoldsAChainAway) {
  Problem p;
  for (int n = 0; n < 50; ++n) p.nodes.push_back({{0, 1, 2}, {}, 0, 0});
  for (int n = 0; n + 1 < 50; ++n) p.edges.push_back({n, n + 1, {5, 0, 5, 5, 5, 0, 0, 5, 5}});
  EXPECT_TRUE(Simplifier(p).core().nodes.empty());
}

}  // namespace
}  // namespace cordata::planner
