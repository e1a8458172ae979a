// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "cordata/ir/ops/view.h"

namespace cordata::ir::ops {

// A gather's or scatter's dims, named as gather names them. For a scatter read `update_window_dims` for
// `offset_dims`, `inserted_window_dims` for `collapsed_slice_dims` and `scatter_dims_to_operand_dims` for
// `start_index_map`.
struct GatherDims {
  Ints offset_dims;           // of the result (scatter: of the updates): positions inside a slice
  Ints collapsed_slice_dims;  // of the operand: of size 1 in a slice, not in the result
  Ints operand_batching_dims, start_indices_batching_dims;
  Ints start_index_map;  // operand dim that each component of an index speaks of
  int64_t index_vector_dim = 0;

  // Of the operand, in order: those that stand in the result as offset_dims.
  Ints window_dims(int64_t operand_rank) const;
  // Of the result (or updates) of this rank, in order: those that say which index.
  Ints batch_dims(int64_t result_rank) const;
};

GatherDims gather_dims(const OpView& v);
GatherDims scatter_dims(const OpView& v);
Attribute gather_attribute(const GatherDims& dims);
Attribute scatter_attribute(const GatherDims& dims);

}  // namespace cordata::ir::ops
