// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "cordata/planner/intra_op/eliminate.h"
#include "cordata/planner/intra_op/solve.h"

namespace cordata::planner {

// Solves a problem of any magnitude, with or without memory, whole: for small ones. Stops after `branches`
// sub-problems; what is left open then counts in the lower bound. `below` is not looked at.
Solution branch_and_bound(const Problem& problem, const SolveOptions& options, int branches);

}  // namespace cordata::planner
