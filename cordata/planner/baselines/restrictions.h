// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "cordata/planner/intra_op/build.h"

namespace cordata::planner {

// By value and dim: whether the dim counts samples. Found from the batch arguments' dims through the factors
// that ops share, forwards and backwards; never from names.
std::vector<std::vector<bool>> batch_dims(const StageView& stage);

// The intra-op baselines as limits on what the problem may choose, by mesh axis:
//   data       ops with a batch dim split it along the axis and nothing else; parameters and state whole
//   batch      the same of forward and backward passes; the rest is free (Alpa's forced batch dim)
//   zero-2     as data; accumulators and optimizer state are sharded where a dim divides, so gradients are
//              reduce-scattered; so are parameters that are computed with in a shorter type only (masters),
//              whose short copies are gathered
//   zero-3     as zero-2, and all parameters rest sharded
//   tensor     no batch dim is split; ops that contract two operands split something else where they can
//   heuristic  parameters and optimizer state rest sharded along their largest dim; the rest is free
//   free       anything
// Throws a user error for another name, and where batches are split one when the axes don't divide the batch.
Restriction restriction(const std::vector<std::string>& by_axis, const StageView& stage,
                        const sharding::Mesh& mesh);
std::vector<std::string> restriction_names();

// Batch sizes next to `batch` that `devices` divide, for messages: {6, 9} for 8 and 3; one of them when 0
// would be the other.
std::vector<int64_t> nearest_batches(int64_t batch, int64_t devices);

}  // namespace cordata::planner
