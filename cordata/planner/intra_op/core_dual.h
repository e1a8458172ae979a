// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <vector>

#include "cordata/planner/intra_op/core.h"

namespace cordata::planner {

// The Lagrangian dual of a core: sequential tree-reweighted message passing (TRW-S, Kolmogorov 2006) moves
// costs along edges, usage at the times that bind has a price (Fisher 1981) that follows the gradient with
// momentum (Kingma and Ba 2015). Search is in single precision; what counts, ExactDual, is evaluated in whole
// numbers.
class CoreDual {
 public:
  // How far a price moves in a step, as a part of the bound, at the first step and at the last.
  struct Plan {
    int steps = 600;
    double first_rate = 3e-2, last_rate = 3e-4;
  };
  CoreDual(const Core& core, const Plan& plan);

  // Two sweeps and a step of the prices.
  void step();
  // Sweeps at the best prices found, which stay.
  void settle(int sweeps);
  bool converged() const { return steps_ >= plan_.steps; }
  // As the sweeps see it; not exact.
  double bound() const { return best_; }
  // Prices by time, in cost per unit of usage.
  const std::vector<double>& prices() const { return best_prices_; }
  void start_from(std::vector<double> prices);

  // What rounding looks at: a node's costs, priced, and what the edge sends to it.
  const std::vector<float>& priced(int n) const { return nodes_[n].priced; }
  const float* message(int edge, bool to_u) const {
    return messages_.data() + (to_u ? to_u_[edge] : to_v_[edge]);
  }

  static constexpr float kNeverSent = 1e30F;

 private:
  struct Arc {  // an edge as one of its ends sees it
    int other;
    size_t in, out;     // where the messages to this end and to the other start
    const float* cost;  // rows: this end's strategies
  };
  struct Node {
    std::vector<float> cost, priced, belief;
    std::vector<Arc> before, after;
  };

  void price();
  double sweep(bool forward, double temperature);
  void believe(Node& node, double temperature);
  void move_prices();

  const Core& core_;
  Plan plan_;
  std::vector<Node> nodes_;
  std::vector<std::vector<float>> tables_;  // of each edge, both ways
  std::vector<size_t> to_u_, to_v_;
  std::vector<float> messages_, here_;
  std::vector<double> prices_, best_prices_, mean_, square_;
  double unit_ = 1;  // of costs: about the bound
  double room_ = 1;  // of usage: the largest limit
  double rate_ = 0;
  double best_;
  int steps_ = 0;
};

}  // namespace cordata::planner
