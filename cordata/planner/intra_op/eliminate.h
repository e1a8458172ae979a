// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <vector>

#include "cordata/planner/intra_op/problem.h"
#include "cordata/planner/intra_op/until.h"

namespace cordata::planner {

using Wide = __int128;
constexpr Wide kWideInfinite = Wide{1} << 124;

// Bucket elimination (Dechter 1999) over an order of least table size; where a bucket's table would pass
// `table_limit` entries it is split into mini-buckets (Dechter and Rish 2003), which keeps the bound valid
// and makes the choice a guess.
struct Elimination {
  Wide bound = 0;           // at most the optimum; kWideInfinite: no finite choice exists
  std::vector<int> choice;  // optimal when `exact`
  bool exact = true;
  bool finished = false;  // false: the deadline came first, and nothing above counts
};

// Nodes in the order in which they are eliminated: always the one whose neighbours' joint domain is least, or
// the one that joins fewest neighbours, whichever order makes the smaller tables. `bits`: log2 of the entries
// of the tables that are made in it.
std::vector<int> elimination_order(const Problem& problem, double* bits = nullptr);

// log2 of the entries that exact elimination of the problem would go through.
double elimination_bits(const Problem& problem);

// Minimises Σ unary + Σ edge · scale, where unary[n][s] (kWideInfinite forbids) replaces the nodes' own
// costs.
Elimination eliminate(const Problem& problem, const std::vector<int>& order,
                      const std::vector<std::vector<Wide>>& unary, Wide scale, size_t table_limit,
                      const Until& deadline);

}  // namespace cordata::planner
