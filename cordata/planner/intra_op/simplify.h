// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <map>
#include <optional>
#include <vector>

#include "cordata/planner/intra_op/problem.h"

namespace cordata::planner {

// Makes an intra-op problem without memory smaller and keeps an optimum of it, to a fixpoint:
//   * a strategy goes when another of its node is never worse, whatever the neighbours choose (Goldstein 1994, dead-end elimination),
//   * a node with one strategy becomes costs of its neighbours,
//   * a node with at most two neighbours is minimised out: its best answer becomes a cost of them (degree-1 and -2 elimination),
//   * edges between the same two nodes add up.
class Simplifier {
 public:
  // Ignores usage. nullopt-like: `applies` is false where sums could leave 62 bits, and nothing may be asked then.
  explicit Simplifier(const Problem& problem);

  bool applies() const { return applies_; }
  bool infeasible() const { return infeasible_; }  // some node has no finite strategy left
  int64_t constant() const { return constant_; }   // optimum = constant + the core's
  Problem core() const;
  // A choice for the core's nodes -> one for all nodes, optimal when that is.
  std::vector<int> expand(const std::vector<int>& core_choice) const;

 private:
  // cost[i * (number of strategies of the other) + j], seen from the lower-numbered node.
  using Matrix = std::vector<int64_t>;
  struct Node {
    std::vector<int64_t> cost;
    std::vector<int> original;  // by strategy: its number in the problem
    std::vector<int> near;      // neighbours, ascending
    bool gone = false, stale = true;
  };
  // A node that was minimised out: for each choice of its neighbours (as their strategies were numbered then) the best.
  struct Fold {
    int node;
    std::vector<int> neighbours;
    std::vector<std::vector<int>> strategies;  // of the neighbours, original numbers
    std::vector<int> best;                     // original numbers, the last neighbour fastest
  };

  Matrix& edge(int a, int b) { return edges_.at(std::minmax(a, b)); }
  const Matrix& edge(int a, int b) const { return edges_.at(std::minmax(a, b)); }
  Matrix rows_of(int u, int v) const;  // the edge with u's strategies as rows
  void connect(int u, int v, const Matrix& rows_of_u);
  void drop_edge(int u, int v);
  void run();
  bool prune(int u);
  void keep(int u, const std::vector<char>& alive);
  void fold(int u);
  void fix(int u);

  std::vector<Node> nodes_;
  std::map<std::pair<int, int>, Matrix> edges_;
  std::vector<Fold> folds_;
  int64_t constant_ = 0;
  bool applies_ = true, infeasible_ = false;
};

}  // namespace cordata::planner
