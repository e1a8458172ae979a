// SPDX-License-Identifier: Apache-2.0
#include <cmath>

#include "cordata/ir/ops/infer.h"
#include "cordata/ir/ops/rows.h"
#include "cordata/ir/ops/rules.h"
#include "cordata/ir/ops/vjp.h"

namespace cordata::ir::ops {
namespace {

Types sort(const OpView& v) {
  want(v, !v.operands.empty(), "at least one operand");
  want_tensors(v);
  for (const Type& t : v.operands) want(v, t.shape == v.operands[0].shape, "operands of one shape");
  return like_operands(v);
}

// The k largest along the last dim, and where they were.
Types top_k(const OpView& v) {
  Type t = same_type_unary(v)[0];
  int64_t k = integer(v, "k");
  want(v, t.rank() > 0 && k >= 0 && k <= t.shape.back(), "a tensor whose last dim has k elements or more");
  t.shape.back() = k;
  return {t, Type::tensor(DType::kI32, t.shape)};
}

// n log2 n comparisons along a dim of n.
base::Flops comparisons(const OpView& v, int64_t along) {
  double n = static_cast<double>(along);
  return per_operand_element(v) * (n > 1 ? std::log2(n) : 0);
}

base::Flops sort_flops(const OpView& v) {
  int64_t rank = v.operands[0].rank(), dim = integer(v, "dimension", -1);
  if (dim < 0) dim += rank;
  return dim < 0 || dim >= rank ? base::Flops(0) : comparisons(v, v.operands[0].shape[dim]);
}

base::Flops top_k_flops(const OpView& v) { return comparisons(v, v.operands[0].shape.back()); }

constexpr OpRow kRows[] = {
    {.kind = OpKind::kChloTopK,
     .infer = top_k,
     .vjp = vjp_chlo_top_k,
     .flops = top_k_flops,
     .rule = top_k_rule},
    {.kind = OpKind::kSort, .infer = sort, .vjp = vjp_sort, .flops = sort_flops, .rule = sort_rule},
};

}  // namespace

std::span<const OpRow> sort_rows() { return kRows; }

}  // namespace cordata::ir::ops
