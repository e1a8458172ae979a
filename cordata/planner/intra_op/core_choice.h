// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <vector>

#include "cordata/planner/intra_op/core.h"

namespace cordata::planner {

// Which edges each node of a core has: (other end, edge).
using CoreNeighbours = std::vector<std::vector<std::pair<int, int>>>;
CoreNeighbours neighbours_of(const Core& core);

// The entry of edge e for strategy s of n, which is one of its ends, and o of the other.
inline int64_t entry(const Core& core, int e, int n, size_t s, size_t o) {
  const auto& edge = core.edges[e];
  const size_t width = core.nodes[edge.v].cost.size();
  return edge.u == n ? edge.cost[s * width + o] : edge.cost[o * width + s];
}

// The cost of a choice, core.constant included; kNever where it is forbidden.
int64_t cost_of(const Core& core, const std::vector<int>& choice);

// By time, what a choice leaves of the limit; negative where it takes too much.
std::vector<int64_t> room_of(const Core& core, const std::vector<int>& choice);
bool fits(const Core& core, const std::vector<int>& choice);

// Changes one node at a time while that is cheaper and fits; `choice` fits. Gives the cost.
int64_t descend(const Core& core, const CoreNeighbours& near, std::vector<int>& choice);

}  // namespace cordata::planner
