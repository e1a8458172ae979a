// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <functional>
#include <vector>

#include "cordata/planner/intra_op/exact_dual.h"

namespace cordata::planner {

// How much minimise_core may do.
struct CoreEffort {
  int steps = 1200;                    // of the dual in the first round; half as many later
  int rounds = 4;                      // of the dual on one core
  int rounding = 10;                   // a choice is rounded every so many steps
  size_t mip_columns = 60'000;         // a program of more is not tried
  int64_t mip_iterations = INT64_MAX;  // of the simplex method in it
  int programs = 1000;                 // that are tried on one core
  double mip_share = 1;                // of the time that is left
};

// What minimise_core asks of its caller and tells it.
struct CoreHooks {
  std::function<bool()> stop;                                       // whether to end
  std::function<std::chrono::steady_clock::time_point()> deadline;  // when stop() will say so
  std::function<int64_t()> below;  // what costs as much is not wanted; may fall meanwhile
  std::function<void(const std::vector<int>& choice, int64_t cost)> found;  // cheaper than below()
  std::function<void(int64_t bound)> bound = [](int64_t) {};  // nothing below below() costs less
  // Asked once the dual has nothing more to give: whether something else found, or may yet find, a cheaper
  // choice.
  std::function<bool()> search = [] { return false; };
  // The dual of this core as it was given, where it has not changed.
  std::function<void(const ExactDual&)> guide = [](const ExactDual&) {};
};

struct CoreResult {
  bool settled = false;  // nothing is cheaper than below(), or than what was found
  int64_t bound = -kNever;
};

// Minimises a core: reduces it, raises the dual bound, rounds, forbids what can't be cheaper than the best
// known, and so on with what is left, until nothing is or a mixed-integer program settles it. `prices`: of
// the times, to begin with; may be empty.
CoreResult minimise_core(const Core& core, const CoreEffort& effort, const CoreHooks& hooks,
                         std::vector<double> prices = {}, int round = 0);

}  // namespace cordata::planner
