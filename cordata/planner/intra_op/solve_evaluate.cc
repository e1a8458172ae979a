// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <map>

#include "cordata/planner/intra_op/solve.h"

namespace cordata::planner {

std::optional<__int128> evaluate(const Problem& problem, const std::vector<int>& choice) {
  __int128 total = 0;
  for (size_t n = 0; n < choice.size(); ++n) {
    int64_t cost = problem.nodes[n].cost[choice[n]];
    if (cost == kInfinite) return std::nullopt;
    total += cost;
  }
  for (const auto& e : problem.edges) {
    int64_t cost = e.cost[choice[e.u] * problem.nodes[e.v].cost.size() + choice[e.v]];
    if (cost == kInfinite) return std::nullopt;
    total += cost;
  }
  return total;
}

int64_t peak_usage(const Problem& problem, const std::vector<int>& choice) {
  std::map<int64_t, __int128> change;
  for (size_t n = 0; n < choice.size(); ++n) {
    const auto& node = problem.nodes[n];
    if (node.usage.empty() || node.from >= node.to) continue;
    change[node.from] += node.usage[choice[n]];
    change[node.to] -= node.usage[choice[n]];
  }
  __int128 now = 0, peak = 0;
  for (const auto& [time, delta] : change) peak = std::max(peak, now += delta);
  return static_cast<int64_t>(std::min<__int128>(peak, INT64_MAX));
}

}  // namespace cordata::planner
