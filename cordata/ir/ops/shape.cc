// SPDX-License-Identifier: Apache-2.0
// Ops that move elements and compute nothing.
#include <algorithm>

#include "cordata/ir/ops/infer.h"
#include "cordata/ir/ops/rows.h"
#include "cordata/ir/ops/rules.h"
#include "cordata/ir/ops/vjp.h"

namespace cordata::ir::ops {
namespace {

Types broadcast(const OpView& v) {
  want_operands(v, 1);
  want_tensors(v);
  Type t = v.operands[0];
  Ints sizes = integers(v, "broadcast_sizes");
  t.shape.insert(t.shape.begin(), sizes.begin(), sizes.end());
  return {t};
}

void verify_broadcast_in_dim(const OpView& v) {
  want_operands(v, 1);
  want_tensors(v);
  const Type& in = v.operands[0];
  const Type& out = given_tensor(v);
  Ints dims = integers(v, "broadcast_dimensions");
  want_dims(v, dims, out.rank(), "broadcast_dimensions");
  bool fits = in.dtype == out.dtype && dims.size() == in.shape.size();
  for (size_t i = 0; fits && i < dims.size(); ++i)
    fits = in.shape[i] == 1 || in.shape[i] == out.shape[dims[i]];
  if (!fits) {
    fail(v, fmt::format("an operand that {} takes to {}", text(dims), to_string(out)),
         types_text(v.operands));
  }
}

Types concatenate(const OpView& v) {
  want(v, !v.operands.empty(), "at least one operand");
  want_tensors(v);
  Type out = v.operands[0];
  int64_t dim = integer(v, "dimension");
  want_dims(v, {&dim, 1}, out.rank(), "dimension");
  out.shape[dim] = 0;
  for (const Type& t : v.operands) {
    Type rest = t;
    want(v, t.rank() == out.rank(), "operands of one rank");
    rest.shape[dim] = out.shape[dim];
    if (rest != out) fail_types(v, fmt::format("operands that differ only in dim {}", dim));
    out.shape[dim] += t.shape[dim];
  }
  return {out};
}

Types get_dimension_size(const OpView&) { return {Type::tensor(DType::kI32)}; }

Types pad(const OpView& v) {
  want_operands(v, 2);
  want_tensors(v);
  Type t = v.operands[0];
  want(v, v.operands[1] == Type::tensor(t.dtype), "a scalar of the operand's element type to pad with");
  Ints low = integers(v, "edge_padding_low"), high = integers(v, "edge_padding_high"),
       inner = integers(v, "interior_padding");
  for (const Ints* p : {&low, &high, &inner}) {
    if (p->size() != t.shape.size()) fail(v, fmt::format("{} paddings of each kind", t.rank()), text(*p));
  }
  for (size_t d = 0; d < t.shape.size(); ++d) {
    if (inner[d] < 0) fail(v, "interior padding of 0 or more", text(inner));
    t.shape[d] += low[d] + high[d] + std::max<int64_t>(t.shape[d] - 1, 0) * inner[d];
    if (t.shape[d] < 0) fail_types(v, fmt::format("padding that leaves dim {} a size of 0 or more", d));
  }
  return {t};
}

void verify_reshape(const OpView& v) {
  want_operands(v, 1);
  want_tensors(v);
  const Type& out = given_tensor(v);
  if (out.dtype != v.operands[0].dtype || out.num_elements() != v.operands[0].num_elements()) {
    fail(v, "as many elements of the same type as in " + to_string(v.operands[0]), to_string(out));
  }
}

Types reverse(const OpView& v) {
  Type t = same_type_unary(v)[0];
  want_dims(v, integers(v, "dimensions"), t.rank(), "dimensions");
  return {t};
}

Types slice(const OpView& v) {
  Type t = same_type_unary(v)[0];
  Ints start = integers(v, "start_indices"), limit = integers(v, "limit_indices"),
       stride = integers(v, "strides");
  for (const Ints* p : {&start, &limit, &stride}) {
    if (p->size() != t.shape.size())
      fail(v, fmt::format("{} starts, limits and strides", t.rank()), text(*p));
  }
  for (size_t d = 0; d < t.shape.size(); ++d) {
    bool inside = 0 <= start[d] && start[d] <= limit[d] && limit[d] <= t.shape[d] && stride[d] > 0;
    if (!inside)
      fail(v, fmt::format("a slice inside {}", to_string(t)),
           fmt::format("{}:{}:{} in dim {}", start[d], limit[d], stride[d], d));
    t.shape[d] = (limit[d] - start[d] + stride[d] - 1) / stride[d];
  }
  return {t};
}

Types transpose(const OpView& v) {
  Type t = same_type_unary(v)[0];
  Ints permutation = integers(v, "permutation");
  want_dims(v, permutation, t.rank(), "permutation");
  if (permutation.size() != t.shape.size())
    fail(v, fmt::format("a permutation of {} dims", t.rank()), text(permutation));
  for (size_t d = 0; d < permutation.size(); ++d) t.shape[d] = v.operands[0].shape[permutation[d]];
  return {t};
}

constexpr OpRow kRows[] = {
    {.kind = OpKind::kBroadcast,
     .infer = broadcast,
     .vjp = vjp_broadcast,
     .rule = broadcast_rule,
     .localize = localize_broadcast},
    {.kind = OpKind::kBroadcastInDim,
     .verify = verify_broadcast_in_dim,
     .vjp = vjp_broadcast_in_dim,
     .rule = broadcast_in_dim_rule},
    {.kind = OpKind::kConcatenate, .infer = concatenate, .vjp = vjp_concatenate, .rule = concatenate_rule},
    {.kind = OpKind::kGetDimensionSize, .infer = get_dimension_size},
    {.kind = OpKind::kPad, .infer = pad, .vjp = vjp_pad, .rule = pad_rule},
    {.kind = OpKind::kReshape, .verify = verify_reshape, .vjp = vjp_reshape, .rule = reshape_rule},
    {.kind = OpKind::kReverse, .infer = reverse, .vjp = vjp_reverse, .rule = reverse_rule},
    {.kind = OpKind::kSlice,
     .infer = slice,
     .vjp = vjp_slice,
     .rule = slice_rule,
     .localize = localize_slice},
    {.kind = OpKind::kTranspose, .infer = transpose, .vjp = vjp_transpose, .rule = transpose_rule},
};

}  // namespace

std::span<const OpRow> shape_rows() { return kRows; }

}  // namespace cordata::ir::ops
