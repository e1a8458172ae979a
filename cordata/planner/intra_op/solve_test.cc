// SPDX-License-Identifier: Apache-2.0
#include "cordata/planner/intra_op/solve.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <random>

namespace cordata::planner {
namespace {

Problem random_problem(std::mt19937_64& random) {
  auto draw = [&](int64_t n) { return static_cast<int64_t>(random() % n); };
  Problem p;
  int count = 1 + static_cast<int>(draw(7));
  int64_t magnitude = draw(4) == 0 ? 100'000'000'000'000'000 : 20;
  bool memory = draw(2);
  int64_t shift = draw(2) ? magnitude / 2 : 0;  // negative costs too
  for (int n = 0; n < count; ++n) {
    Problem::Node node;
    node.from = draw(6), node.to = node.from + draw(5);
    int strategies = 1 + static_cast<int>(draw(4));
    for (int s = 0; s < strategies; ++s) {
      node.cost.push_back(draw(12) == 0 ? kInfinite : draw(magnitude) - shift);
      if (memory) node.usage.push_back(draw(10));
    }
    p.nodes.push_back(node);
  }
  for (int64_t e = draw(2 * count + 1); e > 0; --e) {
    Problem::Edge edge{static_cast<int>(draw(count)), static_cast<int>(draw(count)), {}};
    size_t size = p.nodes[edge.u].cost.size() * p.nodes[edge.v].cost.size();
    for (size_t i = 0; i < size; ++i) edge.cost.push_back(draw(6) == 0 ? kInfinite : draw(magnitude) - shift);
    p.edges.push_back(edge);
  }
  if (memory) p.usage_limit = 3 + draw(20);
  return p;
}

std::optional<__int128> brute_force(const Problem& p) {
  std::vector<int> choice(p.nodes.size(), 0);
  std::optional<__int128> best;
  while (true) {
    auto cost = evaluate(p, choice);
    if (cost && peak_usage(p, choice) <= p.usage_limit && (!best || *cost < *best)) best = cost;
    size_t i = 0;
    while (i < choice.size() && ++choice[i] == static_cast<int>(p.nodes[i].cost.size())) choice[i++] = 0;
    if (i == choice.size()) return best;
  }
}

TEST(Solve, EqualsBruteForce) {
  std::mt19937_64 random(1);
  int feasible = 0, infeasible = 0;
  for (int i = 0; i < 3000; ++i) {
    Problem p = random_problem(random);
    auto want = brute_force(p);
    Solution got = solve(p);
    ASSERT_EQ(got.feasible, want.has_value()) << "case " << i;
    ASSERT_EQ(got.proven_infeasible, !want.has_value()) << "case " << i;
    (want ? feasible : infeasible)++;
    if (!want) continue;
    ASSERT_TRUE(got.cost == *want && got.optimal()) << "case " << i;
    ASSERT_TRUE(*evaluate(p, got.choice) == got.cost) << "case " << i;
    ASSERT_LE(peak_usage(p, got.choice), p.usage_limit) << "case " << i;
  }
  EXPECT_GT(feasible, 500);
  EXPECT_GT(infeasible, 100);
}

TEST(Solve, LadderIsProven) {
  std::mt19937_64 random(2);
  Problem p;
  for (int n = 0; n < 400; ++n) {
    Problem::Node node;
    for (int s = 0; s < 20; ++s) node.cost.push_back(static_cast<int64_t>(random() % 1000));
    p.nodes.push_back(node);
    for (int back : {1, 2}) {
      if (n < back) continue;
      Problem::Edge edge{n - back, n, {}};
      for (int i = 0; i < 400; ++i) edge.cost.push_back(static_cast<int64_t>(random() % 1000));
      p.edges.push_back(edge);
    }
  }
  auto start = std::chrono::steady_clock::now();
  Solution s = solve(p);
  EXPECT_TRUE(s.optimal());
  RecordProperty("milliseconds",
                 static_cast<int>(
                     std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count() * 1e3));
}

}  // namespace
}  // namespace cordata::planner
