// SPDX-License-Identifier: Apache-2.0
#include "cordata/ir/ops/infer.h"

namespace cordata::ir::ops {

Types same_type(const OpView& v) {
  want(v, !v.operands.empty(), "at least one operand");
  want_tensors(v);
  for (const Type& t : v.operands) want(v, t == v.operands[0], "operands of one type");
  return {v.operands[0]};
}

Types same_type_unary(const OpView& v) {
  want_operands(v, 1);
  return same_type(v);
}

Types same_type_binary(const OpView& v) {
  want_operands(v, 2);
  return same_type(v);
}

Types predicate(const OpView& v) {
  want_operands(v, 1);
  want_tensors(v);
  return {Type::tensor(DType::kI1, v.operands[0].shape)};
}

Types like_operands(const OpView& v) { return {v.operands.begin(), v.operands.end()}; }

Types like_first(const OpView& v) {
  want(v, !v.operands.empty(), "at least one operand");
  return {v.operands[0]};
}

Types token(const OpView&) { return {Type::token()}; }

Types given_or_like_operands(const OpView& v) {
  return v.results.empty() ? like_operands(v) : Types(v.results.begin(), v.results.end());
}

const Type& given_tensor(const OpView& v) {
  if (v.results.size() != 1 || !v.results[0].is_tensor())
    fail(v, "one result type, a tensor", types_text(v.results));
  return v.results[0];
}

DType real_part(DType t) {
  if (t == DType::kC64) return DType::kF32;
  return t == DType::kC128 ? DType::kF64 : t;
}

namespace {

base::Flops count(const Type& t) {
  return base::Flops(t.is_tensor() ? static_cast<double>(t.num_elements()) : 0);
}

}  // namespace

base::Flops per_element(const OpView& v) { return v.results.empty() ? base::Flops(0) : count(v.results[0]); }
base::Flops per_operand_element(const OpView& v) {
  return v.operands.empty() ? base::Flops(0) : count(v.operands[0]);
}

}  // namespace cordata::ir::ops
