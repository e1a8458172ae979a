// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "cordata/planner/intra_op/build.h"

namespace cordata::planner {

// By value and dim: whether the dim counts samples. Found from the batch arguments' dims through the factors
// that ops share, forwards and backwards; never from names.
std::vector<std::vector<bool>> batch_dims(const StageView& stage);

// The intra-op baselines as limits on what the problem may choose. `name`:
//   data    ops with a batch dim split it and nothing else; parameters and optimizer state whole
//   zero-2  as data; accumulators and optimizer state are sharded where a dim divides, so gradients are
//   reduce-scattered zero-3  as zero-2, and parameters rest sharded tensor  no batch dim is split; ops that
//   contract two operands split something else where they can
// Throws a user error for another name. `data` and both zeros throw one when the mesh doesn't divide the
// batch.
Restriction restriction(const std::string& name, const StageView& stage, const sharding::Mesh& mesh);

// Batch sizes next to `batch` that `devices` divide, for messages: {6, 9} for 8 and 3; one of them when 0
// would be the other.
std::vector<int64_t> nearest_batches(int64_t batch, int64_t devices);

}  // namespace cordata::planner
