// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <vector>

#include "cordata/planner/intra_op/build.h"

namespace cordata::planner {

// Where a node's choice puts value `v`, which it offers (an argument, an op's result, a hub).
sharding::Sharding offered(const BuiltProblem::Node& node, const StageView& stage, int v, int choice);
// Where it wants value `v`, which it reads; several when an op reads it more than once.
std::vector<sharding::Sharding> wanted(const BuiltProblem::Node& node, const StageView& stage, int v,
                                       int choice);

// Bytes of a device that a choice needs at its fullest: peak_usage(), and what only the two ends of an edge
// together say: tensors that are resharded for one reader, while it reads them (sums over microbatches: from
// the begin of the update, since collectives come first there), and what collectives pack into and unpack
// from (sharding::packing), which stays. Never less than peak_usage().
int64_t peak_bytes(const BuiltProblem& built, const StageView& stage, const sharding::Mesh& mesh,
                   const std::vector<int>& choice);

}  // namespace cordata::planner
