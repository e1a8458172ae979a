// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "cordata/ir/ops/view.h"

namespace cordata::ir::ops {

// A sliding window over some dims, with absent attributes filled in.
struct Window {
  Ints size, strides, base_dilation, dilation, low, high;  // one entry a dim

  int64_t output(size_t dim, int64_t input) const;  // how many places the window has along a dim of this size
};

int64_t dilated(int64_t n, int64_t by);  // the reach of n elements that stand `by` apart

// What a result must be padded with, once spread by the strides, so that the window turned around slides over
// it once for each element of the input (Dumoulin and Visin 2016, arXiv 1603.07285). Sizes of input and
// output by dim of the window.
void transpose_padding(const Window& w, const Ints& input, const Ints& output, Ints& low, Ints& high);

Ints pairs(const Ints& low, const Ints& high);  // [low, high, low, high, ...]

// Of reduce_window and select_and_scatter: over all dims of the operand.
Window reduce_window_of(const OpView& v);

}  // namespace cordata::ir::ops
