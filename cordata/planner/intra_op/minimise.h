// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "cordata/planner/intra_op/eliminate.h"
#include "cordata/planner/intra_op/simplify.h"

namespace cordata::planner {

// The cheapest choice of a problem without memory, as far as it was found.
struct Least {
  std::vector<int> choice;   // empty: none below `below` was found
  int64_t cost = kInfinite;  // of the choice; of none, `below`
  int64_t bound = 0;  // no choice below `below` costs less than this; equal to cost when that is settled
};

// Minimises without memory; usage is not looked at. What simplify.h leaves is eliminated exactly where that
// is small. Elsewhere the dual bound says what each strategy costs at least, and the problem of those within
// a margin of the bound is solved: what is found there is the optimum once it is within the margin.
// Strategies that can't be in anything cheaper go, and so on. `below`: choices that cost as much are not
// wanted. Costs must be small (costs_are_small).
Least minimise(const Problem& problem, const Allowed& allowed, int64_t below, const Until& deadline);

// What the problem costs at least, without memory: the optimum where tables are small, else near it.
// kInfinite: no finite choice exists.
int64_t quick_bound(const Problem& problem);

}  // namespace cordata::planner
