// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <vector>

#include "cordata/planner/intra_op/build.h"

namespace cordata::planner {

// The choice of every node that a stage's sharding means: decode's inverse. Throws a user error where the
// sharding is none of this problem's (a plan that was edited).
std::vector<int> encode(const BuiltProblem& built, const StageView& stage,
                        const plan::StageSharding& sharding);

// What a step would take more (or, under a memory limit, less) if one op ran another way and nothing else
// changed.
struct Alternative {
  sharding::Strategy strategy;
  base::Seconds more{0};
};

// By op of the stage: its own time in a step and what reshards around it take, as chosen; then the other
// strategies that are possible with all else as it is, cheapest first, at most `most`.
struct OpCost {
  base::Seconds compute{0}, reshard{0};
  std::vector<Alternative> others;
};
std::vector<OpCost> op_costs(const BuiltProblem& built, const StageView& stage,
                             const std::vector<int>& choice, size_t most);

}  // namespace cordata::planner
