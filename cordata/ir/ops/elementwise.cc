// SPDX-License-Identifier: Apache-2.0
// Ops that compute each element of the result from the same element of the operands.
#include "cordata/ir/ops/infer.h"
#include "cordata/ir/ops/rows.h"

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

constexpr OpRow unary(OpKind kind) { return {.kind = kind, .infer = same_type_unary, .flops = per_element}; }
constexpr OpRow binary(OpKind kind) { return {.kind = kind, .infer = same_type_binary, .flops = per_element}; }

constexpr OpRow kRows[] = {
    {.kind = OpKind::kAbs, .infer = real_valued, .flops = per_element},
    {.kind = OpKind::kAccumulate, .infer = same_type_unary},
    binary(OpKind::kAdd),
    binary(OpKind::kAnd),
    binary(OpKind::kAtan2),
    unary(OpKind::kCbrt),
    unary(OpKind::kCeil),
    {.kind = OpKind::kCompare, .infer = compare, .flops = per_element},
    {.kind = OpKind::kComplex, .infer = complex},
    unary(OpKind::kCosine),
    unary(OpKind::kCountLeadingZeros),
    binary(OpKind::kDivide),
    unary(OpKind::kExponential),
    unary(OpKind::kExponentialMinusOne),
    unary(OpKind::kFloor),
    {.kind = OpKind::kImag, .infer = real_valued},
    {.kind = OpKind::kIsFinite, .infer = predicate, .flops = per_element},
    unary(OpKind::kLog),
    unary(OpKind::kLogPlusOne),
    unary(OpKind::kLogistic),
    binary(OpKind::kMaximum),
    binary(OpKind::kMinimum),
    binary(OpKind::kMultiply),
    unary(OpKind::kNegate),
    unary(OpKind::kNot),
    binary(OpKind::kOr),
    unary(OpKind::kPopcnt),
    binary(OpKind::kPower),
    {.kind = OpKind::kReal, .infer = real_valued},
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
    binary(OpKind::kSubtract),
    unary(OpKind::kTan),
    unary(OpKind::kTanh),
    binary(OpKind::kXor),
};

}  // namespace

std::span<const OpRow> elementwise_rows() { return kRows; }

}  // namespace cordata::ir::ops
