// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace cordata::planner {

// Far above any finite sum, far below the end of 64 bits: differences of two stay exact in sign.
constexpr int64_t kNever = int64_t{1} << 61;
constexpr bool never(int64_t c) { return c >= kNever / 2; }
constexpr int64_t capped(int64_t c) { return never(c) ? kNever : c; }

// An intra-op problem as reductions leave it: a node uses memory in several intervals of time, each time has
// its own limit, no two edges join the same nodes, and what every choice costs and uses is taken out.
struct Core {
  struct Use {
    int from = 0, to = 0;       // in [from, to) of the times that are left
    std::vector<int64_t> used;  // by strategy; the least is 0
  };
  struct Node {
    std::vector<int64_t> cost;  // by strategy
    std::vector<Use> uses;      // disjoint, ascending
  };
  struct Edge {
    int u = 0, v = 0;
    std::vector<int64_t> cost;  // row-major: cost[i * strategies(v) + j]; kNever forbids
  };
  std::vector<Node> nodes;
  std::vector<Edge> edges;
  std::vector<int64_t> limit;  // by time
  int64_t constant = 0;        // what every choice costs on top

  size_t strategies() const {
    size_t sum = 0;
    for (const Node& n : nodes) sum += n.cost.size();
    return sum;
  }
};

}  // namespace cordata::planner
