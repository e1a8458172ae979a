// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <vector>

#include "cordata/planner/intra_op/core_dual.h"

namespace cordata::planner {

// A core with its costs moved (equivalence-preserving transformations, Cooper et al. 2010) in whole numbers
// of 2^-shift of a cost: what every choice costs is the bound, plus what the prices ask for room that is
// left, plus costs of nodes and edges none of which is negative. So the bound holds, and so does what
// filter() concludes.
class ExactDual {
 public:
  // As the dual's messages and prices say.
  ExactDual(const Core& core, const CoreDual& dual);

  // Gathers, at each node, what the edges around it can spare; the bound rises by the least of it.
  void sweep(bool forward);

  // Rounded up: costs are whole. core.constant included.
  int64_t bound() const;
  double unrounded_bound() const;  // near it

  // From now on sweeps note what is only in choices that cost `below` or more.
  void watch(int64_t below);
  // Forbids it in `core`, a copy of this one's; the strategies that stay are marked. Gives how many entries
  // went.
  size_t filter(Core& core, std::vector<std::vector<char>>& allowed);

  // By node: what its strategy in `choice`, and the edges around, cost above the bound.
  std::vector<double> excess(const std::vector<int>& choice) const;

  // In units of 2^-shift of a cost, as all below.
  int64_t node_cost(int n, size_t s) const { return node_[n][s]; }
  int shift() const { return shift_; }
  const std::vector<int64_t>& prices() const { return prices_; }  // by time, for a unit of usage
  // What was moved from edge e to the strategies of its end u, or v.
  const std::vector<int64_t>& moved(int e, bool to_u) const { return to_[to_u ? 0 : 1][e]; }

 private:
  using Wide = __int128;
  struct Near {
    int other, edge;
    bool is_u;
  };
  int64_t spare(const Near& near, size_t s) const;
  void pull(int n, bool all);
  void settle(int n);
  void push(int n, bool forward);
  Wide slack() const;

  const Core& core_;
  int shift_ = 0;
  std::vector<int64_t> prices_;
  std::vector<std::vector<int64_t>> node_;   // what a strategy costs now
  std::vector<std::vector<int64_t>> to_[2];  // by end and edge
  std::vector<std::vector<Near>> near_;
  Wide bound_ = 0;
  int64_t below_ = kNever;
  std::vector<std::vector<char>> allowed_;
};

}  // namespace cordata::planner
