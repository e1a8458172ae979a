// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <vector>

#include "cordata/planner/intra_op/problem.h"
#include "cordata/planner/intra_op/until.h"

namespace cordata::planner {

// Sequential tree-reweighted message passing (TRW-S, Kolmogorov 2006) on a problem without memory: messages
// move costs along edges, so that the sum of what each node and edge takes at least on its own, the lower
// bound, rises towards that of the linear relaxation. Now and then a sweep is rounded to a choice. All
// numbers are whole, in doubles below 2^52 (larger costs are counted in larger units, rounded down), so that
// bounds are exact.
class DualBound {
 public:
  explicit DualBound(const Problem& problem);

  // Sweeps until the bound reaches `goal` or the best choice's cost, hardly rises any more, or `sweeps` are
  // done.
  void run(int sweeps, int64_t goal, const Until& until = {});

  int64_t bound() const { return whole(bound_); }  // kInfinite: no finite choice exists
  // The best rounding so far; empty, and kInfinite, while none was finite.
  const std::vector<int>& choice() const { return choice_; }
  int64_t cost() const { return cost_; }
  // By node and strategy: every choice with that strategy costs at least this much; kInfinite: there is none.
  std::vector<std::vector<int64_t>> least_with() const;

 private:
  static constexpr double kNever = 1e300;
  struct Arc {  // an edge as one of its ends sees it
    int other;
    size_t in, out;      // where the messages to this end and to the other start
    const double* cost;  // rows: this end's strategies
  };
  struct Node {
    std::vector<double> cost;
    std::vector<Arc> before, after;  // by the number of the other end
  };

  void sweep(bool forward, bool round);
  void send(const Node& node, const Arc& arc, double share, double& bound);
  double gather(int n);
  int pick(int n, bool forward) const;
  void offer();
  double widen(int64_t cost) const;
  int64_t whole(double cost) const;

  const Problem& problem_;
  double unit_;  // a power of 2
  std::vector<Node> nodes_;
  std::vector<std::vector<double>> tables_;  // of each edge, both ways
  std::vector<double> messages_;
  std::vector<double> here_;  // what the node at hand costs with all that was sent to it
  std::vector<int> rounded_, choice_;
  double bound_ = -kNever, last_ = -kNever, before_last_ = -kNever;
  int64_t cost_ = kInfinite;
};

}  // namespace cordata::planner
