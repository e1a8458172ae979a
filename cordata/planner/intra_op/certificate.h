// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <string>
#include <vector>

#include "cordata/planner/intra_op/problem.h"

namespace cordata::planner {

// Dual multipliers of a problem as it was given, not reduced, and the bound that they prove (docs/solver.md).
struct Certificate {
  int64_t bound = 0;
  std::string json;  // what tools/check_bound.py reads
};

// `prices`: of usage by time, to begin with. Costs must be small (costs_are_small).
Certificate certify(const Problem& problem, const std::vector<std::pair<int64_t, double>>& prices,
                    std::chrono::steady_clock::time_point deadline);

}  // namespace cordata::planner
