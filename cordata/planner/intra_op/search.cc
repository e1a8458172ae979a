// SPDX-License-Identifier: Apache-2.0
#include "cordata/planner/intra_op/search.h"

#include <algorithm>
#include <cmath>
#include <random>
#include <set>

#include "cordata/planner/intra_op/eliminate.h"
#include "cordata/planner/intra_op/simplify.h"

namespace cordata::planner {
namespace {

constexpr size_t kBoundTable = size_t{1} << 14;  // of the mini-buckets that give the bound
constexpr double kFreeBits = 11;                 // tables of the nodes that move together
constexpr int kPatience = 6;                     // cutsets in a row without a gain

std::vector<std::vector<Wide>> own_costs(const Problem& problem) {
  std::vector<std::vector<Wide>> out;
  for (const auto& n : problem.nodes) {
    out.emplace_back();
    for (int64_t c : n.cost) out.back().push_back(c == kInfinite ? kWideInfinite : Wide{c});
  }
  return out;
}

// Nodes whose removal leaves a graph that elimination takes apart with small tables. Which ones depends on `random`.
std::vector<char> cutset(const Problem& problem, std::mt19937& random) {
  const int n = static_cast<int>(problem.nodes.size());
  std::vector<std::set<int>> near(n);
  for (const auto& e : problem.edges)
    if (e.u != e.v) near[e.u].insert(e.v), near[e.v].insert(e.u);
  std::vector<double> bits(n), luck(n);
  for (int x = 0; x < n; ++x) {
    bits[x] = std::log2(static_cast<double>(problem.nodes[x].cost.size()) + 1e-3);
    luck[x] = static_cast<double>(random() % 1000) / 1000;
  }
  const auto table = [&](int x) {
    double w = bits[x];
    for (int y : near[x]) w += bits[y];
    return w;
  };
  std::set<std::pair<double, int>> queue;
  std::vector<double> key(n);
  for (int x = 0; x < n; ++x) queue.emplace(key[x] = table(x) + 2 * luck[x], x);
  std::vector<char> held(n, 0);
  const auto refresh = [&](int x) {
    queue.erase({key[x], x});
    queue.emplace(key[x] = table(x) + 2 * luck[x], x);
  };
  const auto leave = [&](int x) {
    queue.erase({key[x], x});
    for (int y : near[x]) near[y].erase(x);
  };
  while (!queue.empty()) {
    const int x = queue.begin()->second;
    if (table(x) <= kFreeBits) {
      const std::vector<int> around(near[x].begin(), near[x].end());
      leave(x);
      for (int y : around)
        for (int z : around)
          if (y != z) near[y].insert(z);
      for (int y : around) refresh(y);
      continue;
    }
    // Too tangled: hold the neighbour with the most connections.
    int most = x;
    for (int y : near[x])
      if (bits[y] * (static_cast<double>(near[y].size()) + luck[y]) > bits[most] * (static_cast<double>(near[most].size()) + luck[most])) most = y;
    held[most] = 1;
    const std::vector<int> around(near[most].begin(), near[most].end());
    leave(most);
    for (int y : around) refresh(y);
  }
  return held;
}

// The problem in which held nodes have only the strategy that they have.
Problem condition(const Problem& problem, const std::vector<char>& held, const std::vector<int>& choice) {
  Problem p = problem;
  for (size_t n = 0; n < p.nodes.size(); ++n)
    if (held[n]) p.nodes[n].cost = {problem.nodes[n].cost[choice[n]]};
  for (auto& e : p.edges) {
    if (!held[e.u] && !held[e.v]) continue;
    const size_t nu = problem.nodes[e.u].cost.size(), nv = problem.nodes[e.v].cost.size();
    std::vector<int64_t> kept;
    for (size_t i = 0; i < nu; ++i)
      for (size_t j = 0; j < nv; ++j)
        if ((!held[e.u] || static_cast<int>(i) == choice[e.u]) && (!held[e.v] || static_cast<int>(j) == choice[e.v])) kept.push_back(e.cost[i * nv + j]);
    e.cost = std::move(kept);
  }
  return p;
}

}  // namespace

double elimination_bits(const Problem& problem) {
  double bits = 0;
  elimination_order(problem, &bits);
  return bits;
}

Solution search(const Problem& problem, uint64_t seed, Clock::time_point deadline) {
  std::mt19937 random(static_cast<uint32_t>(seed + 1));
  Solution out;
  const Elimination first = eliminate(problem, elimination_order(problem), own_costs(problem), 1, kBoundTable, deadline);
  if (!first.finished) return out;
  if (first.bound >= kWideInfinite) {
    out.proven_infeasible = true;
    return out;
  }
  out.lower_bound = first.bound;
  std::vector<int> best = first.choice;
  auto cost = evaluate(problem, best);
  for (int idle = 0; idle < kPatience && Clock::now() < deadline && !(cost && *cost <= out.lower_bound);) {
    const auto held = cutset(problem, random);
    const Simplifier simple(condition(problem, held, best));
    ++idle;
    if (!simple.applies() || simple.infeasible()) continue;
    const Problem core = simple.core();
    std::vector<int> inner;
    if (!core.nodes.empty()) {
      Elimination rest = eliminate(core, elimination_order(core), own_costs(core), 1, size_t{1} << 18, deadline);
      if (!rest.finished || rest.bound >= kWideInfinite) continue;
      inner = std::move(rest.choice);
    }
    std::vector<int> next = simple.expand(inner);
    for (size_t n = 0; n < next.size(); ++n)
      if (held[n]) next[n] = best[n];
    const auto found = evaluate(problem, next);
    if (!found || (cost && *found >= *cost)) continue;
    cost = found, best = std::move(next), idle = 0;
  }
  if (!cost) return out;
  out.choice = std::move(best), out.cost = *cost, out.feasible = true;
  return out;
}

}  // namespace cordata::planner
