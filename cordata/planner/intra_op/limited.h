// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>

#include "cordata/planner/intra_op/minimise.h"
#include "cordata/planner/intra_op/solve.h"

namespace cordata::planner {

// Minimises under the memory limit, where the optimum without it does not fit. Usage at the times that bind
// gets a price (Lagrange multipliers, Fisher 1981), so that each step is a problem without memory; the price
// of one time is found by the secant between a choice that fits there and one that doesn't. Then parts of the
// cheaper choice are put into the one that fits, as far as memory goes. Costs must be small
// (costs_are_small).
Solution minimise_limited(const Problem& problem, const SolveOptions& options, const Until& deadline);

// What no choice's peak usage is below: at each time, the least that each node can use there, added up.
int64_t usage_floor(const Problem& problem);

// The choice of least peak usage that is found when usage alone is minimised, at its peaks, and what no
// choice's peak is below. Ends as soon as a peak of `limit` is reached or disproved; without one it looks for
// the least.
struct LeastUsage {
  std::vector<int> choice;  // empty: no finite choice exists
  int64_t peak = 0, bound = 0;
};
LeastUsage least_usage(const Problem& problem, std::optional<int64_t> limit, const Until& deadline);

}  // namespace cordata::planner
