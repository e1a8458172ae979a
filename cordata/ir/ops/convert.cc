// SPDX-License-Identifier: Apache-2.0
// Ops that change the element type, or round to another's precision.
#include "cordata/ir/ops/infer.h"
#include "cordata/ir/ops/rows.h"
#include "cordata/ir/ops/rules.h"
#include "cordata/ir/ops/vjp.h"

namespace cordata::ir::ops {
namespace {

void verify_convert(const OpView& v) {
  want_operands(v, 1);
  want_tensors(v);
  const Type& t = given_tensor(v);
  if (t.shape != v.operands[0].shape)
    fail(v, "a result of the operand's shape " + types_text(v.operands), types_text(v.results));
}

// Same width: same shape. Else the narrower type has one more dim, which holds the parts of a wide element.
void verify_bitcast(const OpView& v) {
  want_operands(v, 1);
  want_tensors(v);
  const Type& in = v.operands[0];
  const Type& out = given_tensor(v);
  Shape expected = bits(in.dtype) < bits(out.dtype) ? out.shape : in.shape;
  if (bits(in.dtype) < bits(out.dtype)) expected.push_back(bits(out.dtype) / bits(in.dtype));
  if (bits(in.dtype) > bits(out.dtype)) expected.push_back(bits(in.dtype) / bits(out.dtype));
  const Shape& longer = bits(in.dtype) < bits(out.dtype) ? in.shape : out.shape;
  if (longer != expected)
    fail(v, "as many bits in the result as in " + types_text(v.operands), types_text(v.results));
}

constexpr OpRow kRows[] = {
    {.kind = OpKind::kBitcastConvert, .verify = verify_bitcast, .vjp = vjp_zero, .rule = bitcast_rule},
    {.kind = OpKind::kConvert,
     .verify = verify_convert,
     .vjp = vjp_convert,
     .flops = per_element,
     .rule = convert_rule},
    {.kind = OpKind::kReducePrecision,
     .infer = same_type_unary,
     .vjp = vjp_reduce_precision,
     .flops = per_element,
     .rule = elementwise_rule},
};

}  // namespace

std::span<const OpRow> convert_rows() { return kRows; }

}  // namespace cordata::ir::ops
