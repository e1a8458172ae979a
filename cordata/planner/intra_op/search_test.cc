// SPDX-License-Identifier: Apache-2.0
#include "cordata/planner/intra_op/search.h"

#include <gtest/gtest.h>

#include <random>

#include "cordata/planner/intra_op/core_choice.h"
#include "cordata/planner/intra_op/large_neighbourhood.h"

namespace cordata::planner {
namespace {

int64_t draw(std::mt19937_64& random, int64_t n) { return static_cast<int64_t>(random() % n); }

// Trees, grids and dense graphs of a few nodes, with and without memory, forbidden entries and functions (an
// edge whose one end follows the other).
Problem random_problem(std::mt19937_64& random) {
  Problem p;
  const int count = 1 + static_cast<int>(draw(random, 8));
  const int64_t magnitude = draw(random, 4) == 0 ? 1'000'000'000'000 : 12;
  const int64_t forbidden = 3 + draw(random, 8);  // one entry in so many
  const bool memory = draw(random, 3) > 0;
  for (int n = 0; n < count; ++n) {
    Problem::Node node;
    node.from = draw(random, 8), node.to = node.from + draw(random, 6);
    const int strategies = 1 + static_cast<int>(draw(random, 4));
    for (int s = 0; s < strategies; ++s) {
      node.cost.push_back(draw(random, 16) == 0 ? kInfinite : draw(random, magnitude));
      if (memory) node.usage.push_back(draw(random, 10));
    }
    p.nodes.push_back(node);
  }
  const auto join = [&](int u, int v) {
    Problem::Edge edge{u, v, {}};
    const size_t nu = p.nodes[u].cost.size(), nv = p.nodes[v].cost.size();
    const bool follows = draw(random, 3) == 0;
    for (size_t i = 0; i < nu; ++i) {
      const auto only = static_cast<size_t>(draw(random, static_cast<int64_t>(nv)));
      for (size_t j = 0; j < nv; ++j)
        edge.cost.push_back((follows ? j != only : draw(random, forbidden) == 0) ? kInfinite
                                                                                 : draw(random, magnitude));
    }
    p.edges.push_back(std::move(edge));
  };
  const int64_t shape = draw(random, 3);
  for (int v = 1; v < count; ++v) {
    if (shape == 0) join(static_cast<int>(draw(random, v)), v);
    if (shape == 1) {
      if (v % 3 != 0) join(v, v - 1);
      if (v >= 3) join(v - 3, v);
    }
    for (int u = 0; shape == 2 && u <= v; ++u)
      if (draw(random, 2)) join(u, v);
  }
  if (memory) p.usage_limit = 2 + draw(random, 25);
  return p;
}

std::optional<__int128> brute_force(const Problem& p) {
  std::vector<int> choice(p.nodes.size(), 0);
  std::optional<__int128> best;
  while (true) {
    const auto cost = evaluate(p, choice);
    if (cost && peak_usage(p, choice) <= p.usage_limit && (!best || *cost < *best)) best = cost;
    size_t i = 0;
    while (i < choice.size() && ++choice[i] == static_cast<int>(p.nodes[i].cost.size())) choice[i++] = 0;
    if (i == choice.size()) return best;
  }
}

TEST(Search, EqualsBruteForce) {
  std::mt19937_64 random(7);
  int feasible = 0, infeasible = 0, limited = 0;
  for (int i = 0; i < 10'000; ++i) {
    const Problem p = random_problem(random);
    const auto want = brute_force(p);
    const Solution got = search(p, {}, {Clock::now() + std::chrono::seconds(60)}, {});
    ASSERT_EQ(got.feasible, want.has_value()) << "case " << i;
    ASSERT_EQ(got.proven_infeasible, !want.has_value()) << "case " << i;
    (want ? feasible : infeasible)++;
    if (!want) continue;
    ASSERT_TRUE(got.cost == *want && got.optimal()) << "case " << i;
    ASSERT_TRUE(*evaluate(p, got.choice) == got.cost) << "case " << i;
    ASSERT_LE(peak_usage(p, got.choice), p.usage_limit) << "case " << i;
    Problem free = p;
    free.usage_limit = INT64_MAX;
    limited += *brute_force(free) < *want;
  }
  EXPECT_GT(feasible, 4000);
  EXPECT_GT(infeasible, 500);
  EXPECT_GT(limited, 300);
}

// Every choice of the core, expanded, costs and uses in the problem what it does in the core.
TEST(Reducer, ExpandedChoicesCostTheSame) {
  std::mt19937_64 random(11);
  int compared = 0;
  for (int i = 0; i < 3000; ++i) {
    const Problem p = random_problem(random);
    Reducer reducer(p);
    reducer.run();
    if (reducer.infeasible()) continue;
    const Core core = reducer.core();
    std::vector<int> choice;
    for (const auto& n : core.nodes)
      choice.push_back(static_cast<int>(draw(random, static_cast<int64_t>(n.cost.size()))));
    const int64_t cost = cost_of(core, choice);
    if (never(cost)) continue;
    const auto whole = reducer.expand(choice);
    const auto exact = evaluate(p, whole);
    ASSERT_TRUE(exact && *exact == cost) << "case " << i;
    if (fits(core, choice)) {
      ASSERT_LE(peak_usage(p, whole), p.usage_limit) << "case " << i;
    }
    ++compared;
  }
  EXPECT_GT(compared, 1000);
}

TEST(LargeNeighbourhood, IsTheSameForASeed) {
  std::mt19937_64 random(5);
  Core core;
  for (int n = 0; n < 20; ++n) {
    Core::Node node;
    for (int s = 0; s < 5; ++s) node.cost.push_back(draw(random, 100));
    node.uses.push_back({n / 2, n / 2 + 3, {0, 3, 5, 2, 4}});
    core.nodes.push_back(node);
    for (const int back : {1, 7}) {
      if (n < back) continue;
      Core::Edge edge{n - back, n, {}};
      for (int i = 0; i < 25; ++i) edge.cost.push_back(draw(random, 100));
      core.edges.push_back(edge);
    }
  }
  core.limit.assign(20, 20);
  const auto run = [&] {
    LargeNeighbourhood by(core, 3);
    std::vector<int> choice(20, 0);
    int64_t cost = cost_of(core, choice);
    for (int k = 0; k < 6; ++k)
      by.improve(
          choice, cost, [] { return false; }, Clock::now() + std::chrono::seconds(60));
    EXPECT_EQ(cost, cost_of(core, choice));
    EXPECT_TRUE(fits(core, choice));
    return std::pair(cost, choice);
  };
  const auto first = run();
  EXPECT_EQ(first, run());
  EXPECT_LT(first.first, cost_of(core, std::vector<int>(20, 0)));
}

}  // namespace
}  // namespace cordata::planner
