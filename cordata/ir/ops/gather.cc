// SPDX-License-Identifier: Apache-2.0
#include "cordata/ir/ops/gather.h"

#include <algorithm>

#include "cordata/ir/ops/infer.h"
#include "cordata/ir/ops/rows.h"
#include "cordata/ir/ops/rules.h"
#include "cordata/ir/ops/vjp.h"

namespace cordata::ir::ops {

Ints GatherDims::window_dims(int64_t operand_rank) const {
  Ints gone = collapsed_slice_dims;
  gone.insert(gone.end(), operand_batching_dims.begin(), operand_batching_dims.end());
  return other_dims(operand_rank, gone);
}

Ints GatherDims::batch_dims(int64_t result_rank) const { return other_dims(result_rank, offset_dims); }

GatherDims gather_dims(const OpView& v) {
  const Attribute& a = structure(v, "dimension_numbers");
  return {field(a, "offset_dims"),           field(a, "collapsed_slice_dims"),
          field(a, "operand_batching_dims"), field(a, "start_indices_batching_dims"),
          field(a, "start_index_map"),       field_integer(a, "index_vector_dim")};
}

Attribute gather_attribute(const GatherDims& d) {
  return Attribute::structure(
      "stablehlo.gather",
      {{"offset_dims", Attribute::dense_array(d.offset_dims)},
       {"collapsed_slice_dims", Attribute::dense_array(d.collapsed_slice_dims)},
       {"operand_batching_dims", Attribute::dense_array(d.operand_batching_dims)},
       {"start_indices_batching_dims", Attribute::dense_array(d.start_indices_batching_dims)},
       {"start_index_map", Attribute::dense_array(d.start_index_map)},
       {"index_vector_dim", Attribute::of(d.index_vector_dim)}});
}

namespace {

Types gather(const OpView& v) {
  want_operands(v, 2);
  want_tensors(v);
  const Type &operand = v.operands[0], &indices = v.operands[1];
  want(v, is_integer(indices.dtype), "integer indices");
  GatherDims d = gather_dims(v);
  Ints sizes = integers(v, "slice_sizes");
  bool inside = sizes.size() == operand.shape.size();
  for (size_t i = 0; inside && i < sizes.size(); ++i) inside = sizes[i] >= 0 && sizes[i] <= operand.shape[i];
  if (!inside) fail(v, "slice sizes inside " + to_string(operand), text(sizes));

  Shape batch = indices.shape;
  if (d.index_vector_dim < indices.rank()) batch.erase(batch.begin() + d.index_vector_dim);
  Ints window = d.window_dims(operand.rank());
  int64_t rank = static_cast<int64_t>(batch.size() + d.offset_dims.size());
  want_dims(v, d.offset_dims, rank, "offset_dims");
  want_dims(v, d.start_index_map, operand.rank(), "start_index_map");
  if (window.size() != d.offset_dims.size()) {
    fail(v, fmt::format("{} offset_dims, one for each dim of a slice that stays", window.size()),
         text(d.offset_dims));
  }
  Type out = Type::tensor(operand.dtype, Shape(rank));
  Ints batch_dims = d.batch_dims(rank);
  for (size_t i = 0; i < batch.size(); ++i) out.shape[batch_dims[i]] = batch[i];
  for (size_t i = 0; i < window.size(); ++i) out.shape[d.offset_dims[i]] = sizes[window[i]];
  return {out};
}

constexpr OpRow kRows[] = {
    {.kind = OpKind::kGather,
     .infer = gather,
     .vjp = vjp_gather,
     .rule = gather_rule,
     .localize = localize_gather},
    {.kind = OpKind::kTorchIndexSelect, .verify = [](const OpView& v) { given_tensor(v); }},
};

}  // namespace

std::span<const OpRow> gather_rows() { return kRows; }

}  // namespace cordata::ir::ops
