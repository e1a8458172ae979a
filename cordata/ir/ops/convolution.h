// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "cordata/ir/ops/window.h"

namespace cordata::ir::ops {

// The dims of a convolution by role. Spatial dims stand in one order on all three tensors.
struct ConvDims {
  int64_t input_batch = 0, input_feature = 0, kernel_input_feature = 0, kernel_output_feature = 0;
  int64_t output_batch = 0, output_feature = 0;
  Ints input_spatial, kernel_spatial, output_spatial;
};

ConvDims conv_dims(const OpView& v);
Attribute conv_attribute(const ConvDims& dims);
Window conv_window(const OpView& v);  // over the spatial dims; its sizes are the kernel's

}  // namespace cordata::ir::ops
