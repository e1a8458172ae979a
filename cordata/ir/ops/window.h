// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "cordata/ir/ops/view.h"

namespace cordata::ir::ops {

// A sliding window over some dims, with absent attributes filled in.
struct Window {
  Ints size, strides, base_dilation, dilation, low, high;  // one entry a dim

  int64_t output(size_t dim, int64_t input) const;  // how many places the window has along a dim of this size
};

// Of reduce_window and select_and_scatter: over all dims of the operand.
Window reduce_window_of(const OpView& v);

}  // namespace cordata::ir::ops
