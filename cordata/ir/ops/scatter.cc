// SPDX-License-Identifier: Apache-2.0
#include "cordata/ir/ops/gather.h"
#include "cordata/ir/ops/infer.h"
#include "cordata/ir/ops/rows.h"
#include "cordata/ir/ops/rules.h"
#include "cordata/ir/ops/vjp.h"

namespace cordata::ir::ops {

GatherDims scatter_dims(const OpView& v) {
  const Attribute& a = structure(v, "scatter_dimension_numbers");
  return {field(a, "update_window_dims"),           field(a, "inserted_window_dims"),
          field(a, "input_batching_dims"),          field(a, "scatter_indices_batching_dims"),
          field(a, "scatter_dims_to_operand_dims"), field_integer(a, "index_vector_dim")};
}

Attribute scatter_attribute(const GatherDims& d) {
  return Attribute::structure(
      "stablehlo.scatter",
      {{"update_window_dims", Attribute::dense_array(d.offset_dims)},
       {"inserted_window_dims", Attribute::dense_array(d.collapsed_slice_dims)},
       {"input_batching_dims", Attribute::dense_array(d.operand_batching_dims)},
       {"scatter_indices_batching_dims", Attribute::dense_array(d.start_indices_batching_dims)},
       {"scatter_dims_to_operand_dims", Attribute::dense_array(d.start_index_map)},
       {"index_vector_dim", Attribute::of(d.index_vector_dim)}});
}

namespace {

// n inputs, the indices, n updates. The region may widen the element types; then they are given.
Types scatter(const OpView& v) {
  size_t n = v.operands.size() / 2;
  want(v, n > 0 && v.operands.size() == 2 * n + 1, "inputs, indices and as many updates");
  want_tensors(v);
  want(v, is_integer(v.operands[n].dtype), "integer indices");
  GatherDims d = scatter_dims(v);
  want_dims(v, d.offset_dims, v.operands[n + 1].rank(), "update_window_dims");
  want_dims(v, d.start_index_map, v.operands[0].rank(), "scatter_dims_to_operand_dims");
  if (d.window_dims(v.operands[0].rank()).size() != d.offset_dims.size()) {
    fail(v, "an update_window_dim for each dim of an update's window", text(d.offset_dims));
  }
  Types out;
  for (size_t i = 0; i < n; ++i) {
    DType dtype = i < v.results.size() ? v.results[i].dtype : v.operands[i].dtype;
    out.push_back(Type::tensor(dtype, v.operands[i].shape));
  }
  return out;
}

base::Flops per_update(const OpView& v) {
  return base::Flops(static_cast<double>(v.operands.back().num_elements()));
}

constexpr OpRow kRows[] = {
    {.kind = OpKind::kScatter,
     .infer = scatter,
     .vjp = vjp_scatter,
     .flops = per_update,
     .rule = scatter_rule,
     .localize = localize_scatter},
};

}  // namespace

std::span<const OpRow> scatter_rows() { return kRows; }

}  // namespace cordata::ir::ops
