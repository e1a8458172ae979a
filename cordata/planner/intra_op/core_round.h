// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <random>
#include <vector>

#include "cordata/planner/intra_op/core_choice.h"
#include "cordata/planner/intra_op/core_dual.h"

namespace cordata::planner {

// Rounds a dual to a choice that fits: nodes take, one after the other, the cheapest strategy beside those
// taken and what messages say of the rest, as long as all others keep one that is allowed beside it (arc
// consistency over forbidden pairs) and, with the least that they then can use, the limit holds.
class Rounder {
 public:
  explicit Rounder(const Core& core);

  // `forward`: from the first node on; else from the last. `caution`: how many times the price of usage
  // counts. Nothing where no node's strategies lead on.
  std::optional<std::vector<int>> round(const CoreDual& dual, bool forward, double caution);

 private:
  using Bits = std::vector<uint64_t>;
  // Which strategies of the other end a strategy may stand beside, by edge and end; empty: all.
  struct Support {
    size_t words = 0;
    Bits bits;
  };
  struct Change {
    int node, strategy;
  };

  void reset();
  bool assign(int n, int s);
  bool remove(int n, int s);
  bool propagate(int n);
  bool raise_floor(int n);
  void undo();

  const Core& core_;
  CoreNeighbours near_;
  std::vector<Support> support_[2];  // for the strategies of u; of v
  std::vector<Bits> domain_;
  std::vector<int> left_;                    // strategies in each domain
  std::vector<std::vector<int64_t>> floor_;  // by node and use: the least of the domain
  std::vector<int64_t> room_;
  std::vector<Change> trail_;
  std::vector<std::pair<std::pair<int, int>, int64_t>> floors_;  // (node, use), its floor before
  std::vector<int> touched_;
};

}  // namespace cordata::planner
