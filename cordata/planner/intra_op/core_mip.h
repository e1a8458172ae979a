// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <functional>
#include <vector>

#include "cordata/planner/intra_op/exact_dual.h"

namespace cordata::planner {

struct MipLimits {
  std::chrono::steady_clock::time_point deadline;
  int64_t iterations = INT64_MAX;  // of the simplex method, about
  std::function<bool()> stop;
};

struct MipResult {
  std::vector<int> choice;  // the cheapest that was found below `below`; empty: none
  int64_t cost = kNever;    // of it
  int64_t bound = -kNever;  // no choice below `below` costs less
  bool settled = false;     // bound is min(cost, below)
};

// Minimises a core by mixed-integer programming (HiGHS): the local polytope (Schlesinger 1976) with the costs
// that `dual` moved, the limits of times that its prices name, and of others once a solution passes them.
// HiGHS computes in floating point, to 1e-6 of what is between the bound and `below`; costs are checked in
// whole numbers.
MipResult minimise_by_mip(const Core& core, const ExactDual& dual, int64_t below, const MipLimits& limits);

// Columns that the program has.
size_t mip_columns(const Core& core);

}  // namespace cordata::planner
