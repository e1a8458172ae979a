// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <span>
#include <vector>

#include "cordata/planner/intra_op/problem.h"

namespace cordata::planner {

// By node and strategy: whether it may be chosen.
using Allowed = std::vector<std::vector<char>>;

// Whether all sums of costs stay within 58 bits.
bool costs_are_small(const Problem& problem);

// How many bits costs must lose, rounded down, for that; and the problem with so many less.
int bits_too_many(const Problem& problem);
Problem coarser(Problem problem, int bits);

// Makes an intra-op problem without memory smaller and keeps an optimum of it, to a fixpoint:
//   * a strategy goes when another of its node is never worse, whatever the neighbours choose (Goldstein
//   1994, dead-end elimination),
//   * a node with one strategy becomes costs of its neighbours,
//   * a node with at most two neighbours is minimised out: its best answer becomes a cost of them (degree-1
//   and -2 elimination),
//   * edges between the same two nodes add up.
class Simplifier {
 public:
  // `allowed`: empty for all. Ignores usage. Costs must be small.
  explicit Simplifier(const Problem& problem, const Allowed& allowed = {});

  bool infeasible() const { return infeasible_; }  // some node has no finite strategy left
  int64_t constant() const { return constant_; }   // optimum = constant + the core's
  Problem core() const;
  // A choice for the core's nodes -> one for all nodes, optimal when that is.
  std::vector<int> expand(const std::vector<int>& core_choice) const;

 private:
  struct Near {
    int node, edge;
  };
  struct Node {
    std::vector<int64_t> cost;
    std::vector<int> original;  // by strategy: its number in the problem
    std::vector<Near> near;     // in the order in which the edges came
    bool gone = false, stale = true;
  };
  // cost[i * (number of strategies of v) + j], as in Problem; no two edges between the same nodes.
  struct Edge {
    int u, v;
    std::vector<int64_t> cost;
    bool gone = false;
  };
  // The entry of one of a node's strategies and one of a neighbour's: at[i * step + j * other_step].
  struct View {
    const int64_t* at;
    size_t step, other_step;
    int64_t operator()(size_t i, size_t j) const { return at[i * step + j * other_step]; }
  };
  // A node that was minimised out, with what its best answer is looked up from.
  struct Fold {
    int node;
    std::vector<int64_t> cost;
    std::vector<int> original;
    std::vector<Edge> edges;
    std::vector<int> neighbours;
    std::vector<std::vector<int>> strategies;  // of the neighbours, original numbers
  };

  static View view(const Edge& e, int from, size_t mine, size_t others);
  std::span<const int64_t> rows(int u, const Near& near, std::vector<int64_t>& buffer) const;
  void add_edge(int u, int v, std::vector<int64_t> cost);
  Fold take(int u);
  void run();
  bool prune(int u);
  void keep(int u, const std::vector<char>& alive);
  void fold(int u);
  void fix(int u);

  std::vector<Node> nodes_;
  std::vector<Edge> edges_;
  std::vector<Fold> folds_;
  int64_t constant_ = 0;
  bool infeasible_ = false;
};

}  // namespace cordata::planner
