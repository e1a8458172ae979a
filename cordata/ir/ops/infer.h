// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <vector>

#include "cordata/base/units.h"
#include "cordata/ir/ops/view.h"

// Result types and FLOPs that many ops share.
namespace cordata::ir::ops {

using Types = std::vector<Type>;

Types same_type(const OpView& v);         // one or more operands of one tensor type, which is the result's
Types same_type_unary(const OpView& v);   // exactly one operand
Types same_type_binary(const OpView& v);  // exactly two
Types predicate(const OpView& v);         // one operand; i1 of its shape
Types like_operands(const OpView& v);     // a result for each operand, of its type
Types like_first(const OpView& v);        // one result, of the first operand's type
Types token(const OpView& v);             // one token

// The result types that were given, or else the operands': for ops whose region may widen the element type.
Types given_or_like_operands(const OpView& v);

// Throws unless the op was given exactly one result, a tensor; for ops whose result's type is given, not
// inferred.
const Type& given_tensor(const OpView& v);

// complex<f32> -> f32; anything that is not complex stays.
DType real_part(DType t);

base::Flops per_element(const OpView& v);          // one for each element of the first result
base::Flops per_operand_element(const OpView& v);  // one for each element of the first operand

}  // namespace cordata::ir::ops
