// SPDX-License-Identifier: Apache-2.0
#include "cordata/planner/intra_op/minimise.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <random>

#include "cordata/planner/intra_op/dual_bound.h"
#include "cordata/planner/intra_op/solve.h"

namespace cordata::planner {
namespace {

const auto kNoDeadline = Clock::time_point::max();

std::vector<int64_t> drawn_costs(std::mt19937_64& random, size_t count, int64_t magnitude,
                                 unsigned one_forbidden_in) {
  std::vector<int64_t> out;
  for (size_t i = 0; i < count; ++i)
    out.push_back(random() % one_forbidden_in == 0
                      ? kInfinite
                      : static_cast<int64_t>(random() % magnitude) - magnitude / 4);
  return out;
}

Problem drawn_problem(std::mt19937_64& random) {
  const int64_t magnitude = random() % 4 == 0 ? int64_t{1} << 52 : 40;
  Problem p;
  const int nodes = 2 + static_cast<int>(random() % 6);
  for (int n = 0; n < nodes; ++n)
    p.nodes.push_back({drawn_costs(random, 1 + random() % 4, magnitude, 12), {}, 0, 0});
  for (uint64_t e = random() % 12; e > 0; --e) {
    const int u = static_cast<int>(random() % nodes), v = static_cast<int>(random() % nodes);
    p.edges.push_back(
        {u, v, drawn_costs(random, p.nodes[u].cost.size() * p.nodes[v].cost.size(), magnitude, 6)});
  }
  return p;
}

// rows x columns nodes, each tied to its neighbours: no order eliminates it in small tables.
Problem drawn_grid(std::mt19937_64& random, int rows, int columns, size_t strategies) {
  Problem p;
  for (int n = 0; n < rows * columns; ++n)
    p.nodes.push_back({drawn_costs(random, strategies, 1000, 50), {}, 0, 0});
  const auto tie = [&](int u, int v) {
    p.edges.push_back({u, v, drawn_costs(random, strategies * strategies, 600, 20)});
  };
  for (int r = 0; r < rows; ++r)
    for (int c = 0; c < columns; ++c) {
      if (c + 1 < columns) tie(r * columns + c, r * columns + c + 1);
      if (r + 1 < rows) tie(r * columns + c, (r + 1) * columns + c);
    }
  return p;
}

// By node and strategy: the least cost of a choice with it, every choice tried.
std::vector<std::vector<int64_t>> enumerate(const Problem& p) {
  std::vector<std::vector<int64_t>> least;
  for (const auto& n : p.nodes) least.emplace_back(n.cost.size(), kInfinite);
  std::vector<int> choice;
  const std::function<void()> go = [&] {
    if (choice.size() == p.nodes.size()) {
      if (const auto cost = evaluate(p, choice))
        for (size_t n = 0; n < choice.size(); ++n)
          least[n][choice[n]] = std::min(least[n][choice[n]], static_cast<int64_t>(*cost));
      return;
    }
    for (size_t s = 0; s < p.nodes[choice.size()].cost.size(); ++s)
      choice.push_back(static_cast<int>(s)), go(), choice.pop_back();
  };
  go();
  return least;
}

int64_t least_of(const std::vector<std::vector<int64_t>>& least) {
  return *std::min_element(least[0].begin(), least[0].end());
}

std::vector<std::vector<Wide>> own_costs(const Problem& p) {
  std::vector<std::vector<Wide>> out;
  for (const auto& n : p.nodes) {
    out.emplace_back();
    for (const int64_t c : n.cost) out.back().push_back(c == kInfinite ? kWideInfinite : Wide{c});
  }
  return out;
}

TEST(DualBound, IsNeverAboveEnumerationWhateverTheStrategy) {
  std::mt19937_64 random(11);
  int tight = 0, feasible = 0;
  for (int round = 0; round < 3000; ++round) {
    const Problem p = drawn_problem(random);
    const auto want = enumerate(p);
    DualBound dual(p);
    dual.run(1 + static_cast<int>(random() % 40), kInfinite);
    ASSERT_LE(dual.bound(), least_of(want)) << round;
    const auto got = dual.least_with();
    for (size_t n = 0; n < want.size(); ++n)
      for (size_t s = 0; s < want[n].size(); ++s)
        ASSERT_LE(got[n][s], want[n][s]) << round << " node " << n << " strategy " << s;
    if (least_of(want) == kInfinite) continue;
    ++feasible;
    if (dual.choice().empty()) continue;
    ASSERT_TRUE(*evaluate(p, dual.choice()) == dual.cost());
    ASSERT_GE(dual.cost(), least_of(want));
    tight += dual.cost() == dual.bound();
  }
  EXPECT_GT(feasible, 1000);
  EXPECT_GT(tight, feasible / 2);  // most small problems are no harder than their relaxation
}

TEST(Minimise, EqualsEnumeration) {
  std::mt19937_64 random(12);
  for (int round = 0; round < 2000; ++round) {
    const Problem p = drawn_problem(random);
    const int64_t want = least_of(enumerate(p));
    const Least got = minimise(p, {}, kInfinite, kNoDeadline);
    ASSERT_EQ(got.cost, want) << round;
    ASSERT_EQ(got.bound, want) << round;
    if (want == kInfinite) continue;
    ASSERT_TRUE(*evaluate(p, got.choice) == want) << round;
    EXPECT_TRUE(minimise(p, {}, want, kNoDeadline).choice.empty());  // nothing is below the least
    EXPECT_EQ(minimise(p, {}, want + 1, kNoDeadline).cost, want);
  }
}

TEST(Minimise, GridsTooLargeToEliminateAreEnclosedAndMostlySettled) {
  std::mt19937_64 random(13);
  int settled = 0;
  const int rounds = 6;
  for (int round = 0; round < rounds; ++round) {
    const Problem p = drawn_grid(random, 7, 9, 5);
    double bits = 0;
    const auto order = elimination_order(p, &bits);
    ASSERT_GT(bits, 21);  // by plain elimination of the whole, the oracle
    const auto want =
        static_cast<int64_t>(eliminate(p, order, own_costs(p), 1, size_t{1} << 40, kNoDeadline).bound);
    const Least got = minimise(p, {}, kInfinite, kNoDeadline);
    ASSERT_LE(got.bound, want) << round;
    ASSERT_GE(got.cost, want) << round;
    ASSERT_TRUE(*evaluate(p, got.choice) == got.cost) << round;
    settled += got.bound == got.cost;
    EXPECT_EQ(minimise(p, {}, got.bound, kNoDeadline).bound, got.bound);
  }
  EXPECT_GE(settled, rounds - 2);
}

}  // namespace
}  // namespace cordata::planner
