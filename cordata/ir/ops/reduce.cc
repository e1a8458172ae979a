// SPDX-License-Identifier: Apache-2.0
#include "cordata/ir/ops/infer.h"
#include "cordata/ir/ops/rows.h"
#include "cordata/ir/ops/rules.h"
#include "cordata/ir/ops/vjp.h"

namespace cordata::ir::ops {
namespace {

// n tensors of one shape, then n initial scalars. The region may give wider element types than it is given:
// then the result types must be given too.
Types reduce(const OpView& v) {
  size_t n = v.operands.size() / 2;
  want(v, n > 0 && v.operands.size() == 2 * n, "as many initial values as operands");
  want_tensors(v);
  const Shape& shape = v.operands[0].shape;
  Ints dims = integers(v, "dimensions");
  want_dims(v, dims, v.operands[0].rank(), "dimensions");
  Shape kept;
  for (int64_t d : other_dims(v.operands[0].rank(), dims)) kept.push_back(shape[d]);
  Types out;
  for (size_t i = 0; i < n; ++i) {
    want(v, v.operands[i].shape == shape, "operands of one shape");
    want(v, v.operands[n + i].rank() == 0, "scalar initial values");
    DType dtype = i < v.results.size() ? v.results[i].dtype : v.operands[n + i].dtype;
    out.push_back(Type::tensor(dtype, kept));
  }
  return out;
}

constexpr OpRow kRows[] = {
    {.kind = OpKind::kReduce,
     .infer = reduce,
     .vjp = vjp_reduce,
     .flops = per_operand_element,
     .rule = reduce_rule},
};

}  // namespace

std::span<const OpRow> reduce_rows() { return kRows; }

}  // namespace cordata::ir::ops
