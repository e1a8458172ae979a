// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "cordata/planner/intra_op/reduce.h"

namespace cordata::planner {
namespace {

constexpr double kPairWork = 2e7;  // steps that looking for dominated pairs around one node may take

}  // namespace

bool Reducer::uses_no_more(int n, size_t a, size_t b) const {
  for (const auto& use : nodes_[n].uses)
    if (use.used[a] > use.used[b]) return false;
  return true;
}

// A strategy goes when another uses no more and costs no more whatever the neighbours take: the sum of what
// it can cost more on each edge, its node's cost included, is at most 0 (Goldstein 1994, with usage).
bool Reducer::dominate(int n) {
  Node& node = nodes_[n];
  const size_t d = node.size(), edges = node.near.size();
  std::vector<View> at;
  std::vector<size_t> width;
  for (const Near& near : node.near)
    at.push_back(view(edges_[near.edge], n)), width.push_back(nodes_[near.node].size());
  // Where a strategy does best on each edge is tried first: nearly all pairs fail there.
  std::vector<size_t> probe(d * edges);
  for (size_t s = 0; s < d; ++s)
    for (size_t k = 0; k < edges; ++k) {
      size_t best = 0;
      for (size_t j = 1; j < width[k]; ++j)
        if (at[k](s, j) < at[k](s, best)) best = j;
      probe[s * edges + k] = best;
    }
  const auto replaces = [&](size_t t, size_t s) {
    if (!uses_no_more(n, t, s)) return false;
    int64_t worse = node.cost[t] - node.cost[s];
    for (size_t k = 0; k < edges; ++k) {
      const size_t j = probe[s * edges + k];
      if (never(at[k](t, j))) return false;
      worse += at[k](t, j) - at[k](s, j);
    }
    for (size_t k = 0; k < edges && worse <= 0; ++k) {
      const size_t p = probe[s * edges + k];
      const int64_t known = at[k](t, p) - at[k](s, p);
      int64_t most = known;
      for (size_t j = 0; j < width[k]; ++j)
        if (!never(at[k](s, j))) most = std::max(most, at[k](t, j) - at[k](s, j));
      if (never(most)) return false;
      worse += most - known;
    }
    return worse <= 0;
  };
  std::vector<char> alive(d, 1);
  for (size_t s = 0; s < d; ++s)
    for (size_t t = 0; t < d && alive[s]; ++t)
      if (t != s && alive[t] && replaces(t, s)) alive[s] = 0, ++counts_.dominated;
  if (std::count(alive.begin(), alive.end(), 0) == 0) return false;
  keep(n, alive);
  return true;
}

// A pair (s of n, j of a neighbour) is forbidden when, beside j, another strategy of n that uses no more is
// never worse than s. A strategy that lost a pair replaces none in the same pass.
bool Reducer::dominate_pairs(int n) {
  Node& node = nodes_[n];
  const size_t d = node.size(), edges = node.near.size();
  double work = 0;
  for (const Near& near : node.near) work += static_cast<double>(d * d * nodes_[near.node].size());
  if (edges == 0 || work > kPairWork) return false;
  std::vector<char> lost(d, 0);
  std::vector<char> changed(edges, 0);
  std::vector<int64_t> most(edges);
  bool any = false;
  for (size_t s = 0; s < d; ++s)
    for (size_t t = 0; t < d; ++t) {
      if (t == s || lost[t] || !uses_no_more(n, t, s)) continue;
      int64_t sum = node.cost[t] - node.cost[s];
      size_t bad = edges, bads = 0;
      for (size_t k = 0; k < edges && bads < 2; ++k) {
        const View at = view(edges_[node.near[k].edge], n);
        const size_t width = nodes_[node.near[k].node].size();
        most[k] = INT64_MIN;
        for (size_t j = 0; j < width; ++j)
          if (!never(at(s, j))) most[k] = std::max(most[k], at(t, j) - at(s, j));
        if (most[k] == INT64_MIN) most[k] = 0;  // s lost all its pairs here
        if (never(most[k]))
          bad = k, ++bads;
        else
          sum += most[k];
      }
      if (bads > 1) continue;
      for (size_t k = bads == 1 ? bad : 0; k < (bads == 1 ? bad + 1 : edges); ++k) {
        const View at = view(edges_[node.near[k].edge], n);
        const size_t width = nodes_[node.near[k].node].size();
        const int64_t others = bads == 1 ? sum : sum - most[k];
        for (size_t j = 0; j < width; ++j) {
          if (never(at(s, j)) || never(at(t, j)) || others + at(t, j) - at(s, j) > 0) continue;
          at(s, j) = kNever;
          lost[s] = 1, changed[k] = 1, any = true;
          ++counts_.pairs;
        }
      }
    }
  for (size_t k = 0; k < edges; ++k)
    if (changed[k]) touch(node.near[k].node);
  if (any) touch(n);
  return any;
}

}  // namespace cordata::planner
