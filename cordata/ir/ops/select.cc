// SPDX-License-Identifier: Apache-2.0
// Elementwise ops whose predicate or bounds may be scalars.
#include "cordata/ir/ops/infer.h"
#include "cordata/ir/ops/rows.h"
#include "cordata/ir/ops/rules.h"
#include "cordata/ir/ops/vjp.h"

namespace cordata::ir::ops {
namespace {

bool scalar_or(const Type& t, const Shape& shape) { return t.rank() == 0 || t.shape == shape; }

Types select(const OpView& v) {
  want_operands(v, 3);
  want_tensors(v);
  const Type& pred = v.operands[0];
  want(v, pred.dtype == DType::kI1, "a predicate of i1");
  want(v, v.operands[1] == v.operands[2], "two branches of one type");
  want(v, scalar_or(pred, v.operands[1].shape), "a predicate that is a scalar or has the branches' shape");
  return {v.operands[1]};
}

Types clamp(const OpView& v) {
  want_operands(v, 3);
  want_tensors(v);
  const Type& x = v.operands[1];
  for (size_t i : {0, 2}) {
    const Type& bound = v.operands[i];
    want(v, bound.dtype == x.dtype && scalar_or(bound, x.shape),
         "bounds that are scalars or have the operand's type");
  }
  return {x};
}

constexpr OpRow kRows[] = {
    {.kind = OpKind::kClamp,
     .infer = clamp,
     .vjp = vjp_clamp,
     .flops = per_element,
     .rule = elementwise_rule},
    {.kind = OpKind::kSelect, .infer = select, .vjp = vjp_select, .flops = per_element, .rule = select_rule},
};

}  // namespace

std::span<const OpRow> select_rows() { return kRows; }

}  // namespace cordata::ir::ops
