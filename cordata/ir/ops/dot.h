// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "cordata/ir/ops/view.h"

namespace cordata::ir::ops {

// The dims of a dot_general by role. The result is [batch..., lhs_free..., rhs_free...].
struct DotDims {
  Ints lhs_batch, rhs_batch, lhs_contract, rhs_contract, lhs_free, rhs_free;
};

DotDims dot_dims(const OpView& v);  // throws where the attribute doesn't fit the operands

}  // namespace cordata::ir::ops
