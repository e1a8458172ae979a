// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <chrono>
#include <deque>
#include <span>
#include <unordered_map>
#include <vector>

#include "cordata/planner/intra_op/core.h"
#include "cordata/planner/intra_op/problem.h"
#include "cordata/planner/intra_op/until.h"

namespace cordata::planner {

// What each reduction took away; docs/solver.md has their proofs. In the order in which they are tried.
struct ReductionCounts {
  int64_t times_dominated = 0, times_slack = 0;  // times that can't bind
  int64_t unsupported = 0;  // strategies that are forbidden, or without a finite partner somewhere
  int64_t too_large = 0;    // strategies that use more than the others can leave
  int64_t dominated = 0;    // strategies
  int64_t pairs = 0;        // pairs of an edge, one of which is dominated beside the other
  int64_t contracted = 0;   // nodes that are a function of a neighbour
  int64_t fixed = 0, leaves = 0, chains = 0;  // nodes minimised out: one strategy, degree 0 and 1, degree 2
  int64_t edges_merged = 0, edges_split = 0;  // edges beside another; edges that are a sum of node costs
};

// Exact reductions, to a fixpoint: an optimum of the core, expanded, is one of the problem.
class Reducer {
 public:
  // Sums of finite costs must stay within 58 bits (costs_are_small). Costs below kNever / 2 are finite.
  explicit Reducer(const Problem& problem);
  // A core again, with these strategies of it only.
  Reducer(const Core& core, const std::vector<std::vector<char>>& allowed);

  // May be stopped at any moment; what was done so far holds.
  void run(const Until& deadline = {});

  bool infeasible() const { return infeasible_; }
  // Where even the least that each node uses is too much: that time of the problem and by how much; 0:
  // nowhere.
  int64_t excess() const { return excess_; }
  int64_t excess_time() const { return excess_time_; }
  Core core() const;
  // A choice for the core's nodes -> one for all nodes; it costs the same (no more, where ties were broken).
  std::vector<int> expand(const std::vector<int>& core_choice) const;
  // A choice for all nodes -> one for the core's nodes; empty where a reduction took one of its strategies.
  std::vector<int> restrict(const std::vector<int>& choice) const;
  const ReductionCounts& counts() const { return counts_; }
  // The problem's time that each time of the core stands for.
  const std::vector<int64_t>& times() const { return times_; }

 private:
  struct Near {
    int node, edge;
  };
  struct Node {
    std::vector<int64_t> cost;
    std::vector<int> original;  // by strategy: its number in the problem
    std::vector<Core::Use> uses;
    std::vector<Near> near;
    bool gone = false, queued = false;
    size_t size() const { return cost.size(); }
  };
  struct Edge {
    int u, v;
    std::vector<int64_t> cost;
    bool gone = false;
  };
  // The entry of one of a node's strategies and one of a neighbour's.
  struct View {
    int64_t* at;
    size_t step, other_step;
    int64_t& operator()(size_t i, size_t j) const { return at[i * step + j * other_step]; }
  };
  // A node that is gone: what it takes beside what its neighbours (none, one or two) take.
  struct Fold {
    int node;
    int near[2] = {-1, -1};
    std::vector<int> rows, columns;  // original strategy of near[0], near[1] -> row, column; -1: not left
    size_t width = 1;
    std::vector<int> take;  // [row * width + column]: original strategy
  };

  View view(Edge& e, int from) {
    const size_t width = nodes_[e.v].size();
    return e.u == from ? View{e.cost.data(), width, 1} : View{e.cost.data(), 1, width};
  }
  static uint64_t key(int u, int v) {
    return u < v ? static_cast<uint64_t>(u) << 32 | static_cast<uint32_t>(v)
                 : static_cast<uint64_t>(v) << 32 | static_cast<uint32_t>(u);
  }

  // reduce_build.cc
  void add_edge(int u, int v, std::vector<int64_t> cost);
  void drop_edge(int e);
  void touch(int n);
  void touch_around(int n);
  void keep(int n, const std::vector<char>& alive);
  void load_usage(const Problem& problem);

  // reduce_times.cc
  bool reduce_times();  // whether a time went or a use got simpler
  void drop_times(const std::vector<char>& keep);
  bool drop_too_large();
  // Moves what all strategies use between two times into the limits.
  void level(int n, int from = 0, int to = INT32_MAX);

  // reduce_nodes.cc
  bool reduce_node(int n);  // false: it is gone
  bool support(int n);
  bool shift(int e);  // costs into nodes; true: nothing was left of the edge
  int function_of(int u, const Near& near);
  void contract(int v, int into, int edge);
  void fix(int n);
  void fold(int n);
  bool fold_pays(int n) const;

  // reduce_dominance.cc
  bool dominate(int n);
  bool dominate_pairs(int n);
  bool uses_no_more(int n, size_t a, size_t b) const;

  std::vector<Node> nodes_;
  std::vector<Edge> edges_;
  std::unordered_map<uint64_t, int> edge_between_;
  std::deque<int> queue_;
  std::vector<Fold> folds_;
  std::vector<int64_t> limit_, times_;
  std::vector<size_t> original_size_;
  int64_t constant_ = 0, excess_ = 0, excess_time_ = 0;
  bool infeasible_ = false;
  ReductionCounts counts_;
};

}  // namespace cordata::planner
