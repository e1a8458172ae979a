// SPDX-License-Identifier: Apache-2.0
// Ops that compute each element of the result from the same element of the operands.
#include "cordata/ir/ops/infer.h"
#include "cordata/ir/ops/rows.h"
#include "cordata/ir/ops/rules.h"
#include "cordata/ir/ops/vjp.h"

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
constexpr OpRow unary(OpKind kind, Vjp vjp = nullptr, Rule rule = elementwise_rule) {
  return {.kind = kind, .infer = same_type_unary, .vjp = vjp, .flops = per_element, .rule = rule};
}
constexpr OpRow binary(OpKind kind, Vjp vjp = nullptr, Rule rule = elementwise_rule) {
  return {.kind = kind, .infer = same_type_binary, .vjp = vjp, .flops = per_element, .rule = rule};
}

constexpr OpRow kRows[] = {
    {.kind = OpKind::kAbs,
     .infer = real_valued,
     .vjp = vjp_abs,
     .flops = per_element,
     .rule = elementwise_rule},
    {.kind = OpKind::kAccumulate, .infer = same_type_unary, .rule = linear_first_rule},
    binary(OpKind::kAdd, vjp_add, linear_together_rule),
    binary(OpKind::kAnd),
    binary(OpKind::kAtan2, vjp_atan2),
    unary(OpKind::kCbrt, vjp_cbrt),
    unary(OpKind::kCeil, vjp_zero),
    {.kind = OpKind::kCompare, .infer = compare, .flops = per_element, .rule = elementwise_rule},
    {.kind = OpKind::kComplex, .infer = complex, .vjp = vjp_complex, .rule = linear_together_rule},
    unary(OpKind::kCosine, vjp_cosine),
    unary(OpKind::kCountLeadingZeros),
    binary(OpKind::kDivide, vjp_divide, linear_first_rule),
    unary(OpKind::kExponential, vjp_exponential),
    unary(OpKind::kExponentialMinusOne, vjp_exponential_minus_one),
    unary(OpKind::kFloor, vjp_zero),
    {.kind = OpKind::kImag, .infer = real_valued, .vjp = vjp_imag, .rule = linear_first_rule},
    {.kind = OpKind::kIsFinite, .infer = predicate, .flops = per_element, .rule = elementwise_rule},
    unary(OpKind::kLog, vjp_log),
    unary(OpKind::kLogPlusOne, vjp_log_plus_one),
    unary(OpKind::kLogistic, vjp_logistic),
    binary(OpKind::kMaximum, vjp_maximum),
    binary(OpKind::kMinimum, vjp_minimum),
    binary(OpKind::kMultiply, vjp_multiply, linear_each_rule),
    unary(OpKind::kNegate, vjp_negate, linear_first_rule),
    unary(OpKind::kNot),
    binary(OpKind::kOr),
    unary(OpKind::kPopcnt),
    binary(OpKind::kPower, vjp_power),
    {.kind = OpKind::kReal, .infer = real_valued, .vjp = vjp_real, .rule = linear_first_rule},
    binary(OpKind::kRemainder, vjp_remainder),
    unary(OpKind::kRoundNearestAfz, vjp_zero),
    unary(OpKind::kRoundNearestEven, vjp_zero),
    unary(OpKind::kRsqrt, vjp_rsqrt),
    binary(OpKind::kShiftLeft),
    binary(OpKind::kShiftRightArithmetic),
    binary(OpKind::kShiftRightLogical),
    unary(OpKind::kSign, vjp_zero),
    unary(OpKind::kSine, vjp_sine),
    unary(OpKind::kSqrt, vjp_sqrt),
    binary(OpKind::kSubtract, vjp_subtract, linear_together_rule),
    unary(OpKind::kTan, vjp_tan),
    unary(OpKind::kTanh, vjp_tanh),
    binary(OpKind::kXor),
};

}  // namespace

std::span<const OpRow> elementwise_rows() { return kRows; }

}  // namespace cordata::ir::ops
