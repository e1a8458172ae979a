// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "cordata/planner/intra_op/reduce.h"
#include "cordata/planner/intra_op/solve.h"

namespace cordata::planner {

// Solves a problem of any size: reduces it, then raises the bound and lowers the cost of what is left at the
// same time (core_solve.h, large_neighbourhood.h) until they meet or the deadline comes; where it needn't be
// thorough, until a few rounds are done, whose number doesn't depend on the machine. `known`: what is known
// already. Costs must be small (costs_are_small).
Solution search(const Problem& problem, const SolveOptions& options, const Until& deadline,
                const Solution& known);

}  // namespace cordata::planner
