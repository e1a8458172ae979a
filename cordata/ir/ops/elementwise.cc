// SPDX-License-Identifier: Apache-2.0
// Ops that compute each element of the result from the same element of the operands.
#include "cordata/ir/ops/infer.h"
#include "cordata/ir/ops/rows.h"
#include "cordata/ir/ops/rules.h"

namespace cordata::ir::ops {
namespace {

// The real type that belongs to a complex one: of abs, real and imag.
Types real_valued(const OpView& v) {
  Type t = same_type_unary(v)[0];
  t.dtype = real_part(t.dtype);
  return {t};
}

Types compare(const OpView& v) {
  Type t = same_type_binary(v)[0];
  return {Type::tensor(DType::kI1, t.shape)};
}

Types complex(const OpView& v) {
  Type t = same_type_binary(v)[0];
  want(v, t.dtype == DType::kF32 || t.dtype == DType::kF64, "two tensors of f32 or of f64");
  t.dtype = t.dtype == DType::kF32 ? DType::kC64 : DType::kC128;
  return {t};
}

using Rule = FactorRule (*)(const OpView&);
constexpr OpRow unary(OpKind kind, Rule rule = elementwise_rule) {
  return {.kind = kind, .infer = same_type_unary, .flops = per_element, .rule = rule};
}
constexpr OpRow binary(OpKind kind, Rule rule = elementwise_rule) {
  return {.kind = kind, .infer = same_type_binary, .flops = per_element, .rule = rule};
}

constexpr OpRow kRows[] = {
    {.kind = OpKind::kAbs, .infer = real_valued, .flops = per_element, .rule = elementwise_rule},
    {.kind = OpKind::kAccumulate, .infer = same_type_unary, .rule = linear_first_rule},
    binary(OpKind::kAdd, linear_together_rule),
    binary(OpKind::kAnd),
    binary(OpKind::kAtan2),
    unary(OpKind::kCbrt),
    unary(OpKind::kCeil),
    {.kind = OpKind::kCompare, .infer = compare, .flops = per_element, .rule = elementwise_rule},
    {.kind = OpKind::kComplex, .infer = complex, .rule = linear_together_rule},
    unary(OpKind::kCosine),
    unary(OpKind::kCountLeadingZeros),
    binary(OpKind::kDivide, linear_first_rule),
    unary(OpKind::kExponential),
    unary(OpKind::kExponentialMinusOne),
    unary(OpKind::kFloor),
    {.kind = OpKind::kImag, .infer = real_valued, .rule = linear_first_rule},
    {.kind = OpKind::kIsFinite, .infer = predicate, .flops = per_element, .rule = elementwise_rule},
    unary(OpKind::kLog),
    unary(OpKind::kLogPlusOne),
    unary(OpKind::kLogistic),
    binary(OpKind::kMaximum),
    binary(OpKind::kMinimum),
    binary(OpKind::kMultiply, linear_each_rule),
    unary(OpKind::kNegate, linear_first_rule),
    unary(OpKind::kNot),
    binary(OpKind::kOr),
    unary(OpKind::kPopcnt),
    binary(OpKind::kPower),
    {.kind = OpKind::kReal, .infer = real_valued, .rule = linear_first_rule},
    binary(OpKind::kRemainder),
    unary(OpKind::kRoundNearestAfz),
    unary(OpKind::kRoundNearestEven),
    unary(OpKind::kRsqrt),
    binary(OpKind::kShiftLeft),
    binary(OpKind::kShiftRightArithmetic),
    binary(OpKind::kShiftRightLogical),
    unary(OpKind::kSign),
    unary(OpKind::kSine),
    unary(OpKind::kSqrt),
    binary(OpKind::kSubtract, linear_together_rule),
    unary(OpKind::kTan),
    unary(OpKind::kTanh),
    binary(OpKind::kXor),
};

}  // namespace

std::span<const OpRow> elementwise_rows() { return kRows; }

}  // namespace cordata::ir::ops
