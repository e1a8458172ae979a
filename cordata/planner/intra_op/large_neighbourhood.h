// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <random>
#include <vector>

#include "cordata/planner/intra_op/core_choice.h"
#include "cordata/planner/intra_op/core_solve.h"

namespace cordata::planner {

// Large-neighbourhood search (Shaw 1998): frees some nodes of the best choice, with all others as they are,
// and minimises those exactly. Nodes come from around one that costs much more than the dual says it needs,
// from those that use memory at a time with little room, or from where two good choices differ (path
// relinking).
class LargeNeighbourhood {
 public:
  LargeNeighbourhood(const Core& core, uint64_t seed);

  // What each node costs on top of the dual bound; by size what is freed first.
  void guide(std::vector<double> excess) { excess_ = std::move(excess); }
  // A good choice to relink with.
  void remember(const std::vector<int>& choice);

  // Frees one set of nodes of `choice`, which fits and costs `cost`; true: choice and cost are better now.
  bool improve(std::vector<int>& choice, int64_t& cost, const std::function<bool()>& stop,
               std::chrono::steady_clock::time_point deadline);

 private:
  enum Kind { kBall, kWindow, kRelink, kKinds };
  std::vector<int> draw(Kind kind, const std::vector<int>& choice);
  void grow(std::vector<int>& nodes, size_t size);
  int draw_by_excess();
  bool solve(const std::vector<int>& nodes, std::vector<int>& choice, int64_t& cost, bool& settled,
             const std::function<bool()>& stop, std::chrono::steady_clock::time_point deadline);

  const Core& core_;
  CoreNeighbours near_;
  std::mt19937_64 random_;
  std::vector<double> excess_;
  std::vector<std::vector<int>> known_;
  double size_[kKinds] = {40, 40, 40};
  std::vector<char> in_;
};

}  // namespace cordata::planner
