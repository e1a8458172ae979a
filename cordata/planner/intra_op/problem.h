// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace cordata::planner {

// The intra-op problem: choose one strategy for each node, so that the sum of node and edge costs is least
// and, at every point in time, what the nodes alive then use stays within a limit. The form of the ASPLOS /
// EuroSys 2025 contest (iopddl), integers throughout, so that results are exact. kInfinite forbids a choice
// or a pair of choices.
constexpr int64_t kInfinite = INT64_MAX;

struct Problem {
  struct Node {
    std::vector<int64_t> cost;   // by strategy
    std::vector<int64_t> usage;  // by strategy, while the node is alive; empty: uses nothing
    int64_t from = 0, to = 0;    // alive in [from, to)
  };
  struct Edge {
    int u = 0, v = 0;
    std::vector<int64_t> cost;  // row-major: cost[i * strategies(v) + j]
  };
  std::vector<Node> nodes;
  std::vector<Edge> edges;  // several between two nodes add up
  int64_t usage_limit = INT64_MAX;
};

}  // namespace cordata::planner
