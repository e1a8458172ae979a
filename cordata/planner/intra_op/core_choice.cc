// SPDX-License-Identifier: Apache-2.0
#include "cordata/planner/intra_op/core_choice.h"

#include <algorithm>

namespace cordata::planner {

CoreNeighbours neighbours_of(const Core& core) {
  CoreNeighbours near(core.nodes.size());
  for (size_t e = 0; e < core.edges.size(); ++e) {
    near[core.edges[e].u].emplace_back(core.edges[e].v, static_cast<int>(e));
    near[core.edges[e].v].emplace_back(core.edges[e].u, static_cast<int>(e));
  }
  return near;
}

int64_t cost_of(const Core& core, const std::vector<int>& choice) {
  int64_t sum = core.constant;
  for (size_t n = 0; n < choice.size(); ++n) {
    const int64_t c = core.nodes[n].cost[choice[n]];
    if (never(c)) return kNever;
    sum += c;
  }
  for (const auto& e : core.edges) {
    const int64_t c = e.cost[choice[e.u] * core.nodes[e.v].cost.size() + choice[e.v]];
    if (never(c)) return kNever;
    sum += c;
  }
  return sum;
}

std::vector<int64_t> room_of(const Core& core, const std::vector<int>& choice) {
  std::vector<int64_t> change(core.limit.size() + 1, 0), room(core.limit);
  for (size_t n = 0; n < choice.size(); ++n)
    for (const auto& use : core.nodes[n].uses)
      change[use.from] += use.used[choice[n]], change[use.to] -= use.used[choice[n]];
  int64_t now = 0;
  for (size_t t = 0; t < room.size(); ++t) room[t] -= now += change[t];
  return room;
}

bool fits(const Core& core, const std::vector<int>& choice) {
  const auto room = room_of(core, choice);
  return std::all_of(room.begin(), room.end(), [](int64_t r) { return r >= 0; });
}

int64_t descend(const Core& core, const CoreNeighbours& near, std::vector<int>& choice) {
  constexpr int kRounds = 30;
  std::vector<int64_t> room = room_of(core, choice);
  const auto local = [&](int n, size_t s) {
    int64_t sum = core.nodes[n].cost[s];
    for (const auto& [other, e] : near[n]) sum = capped(sum + entry(core, e, n, s, choice[other]));
    return sum;
  };
  const auto fits_instead = [&](int n, int s) {
    for (const auto& use : core.nodes[n].uses) {
      const int64_t more = use.used[s] - use.used[choice[n]];
      if (more <= 0) continue;
      for (int t = use.from; t < use.to; ++t)
        if (room[t] < more) return false;
    }
    return true;
  };
  bool any = true;
  for (int round = 0; any && round < kRounds; ++round) {
    any = false;
    for (int n = 0; n < static_cast<int>(choice.size()); ++n) {
      int64_t least = local(n, choice[n]);
      int best = choice[n];
      for (int s = 0; s < static_cast<int>(core.nodes[n].cost.size()); ++s)
        if (s != choice[n])
          if (const int64_t c = local(n, s); c < least && fits_instead(n, s)) least = c, best = s;
      if (best == choice[n]) continue;
      any = true;
      for (const auto& use : core.nodes[n].uses)
        for (int t = use.from; t < use.to; ++t) room[t] -= use.used[best] - use.used[choice[n]];
      choice[n] = best;
    }
  }
  return cost_of(core, choice);
}

}  // namespace cordata::planner
