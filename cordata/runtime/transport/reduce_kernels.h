// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

#include "cordata/runtime/transport/transport.h"

namespace cordata::runtime {

// inout[i] = reduction(in[i], inout[i]). Maximum and minimum of floats hand NaN on, as StableHLO's do; bf16
// and f16 are computed in f32 and rounded to even. i1 counts as truth values: add and max are or, mul and min
// are and.
using ReduceKernel = void (*)(const void* in, void* inout, int64_t count);

// Throws a user error for a type or a reduction of it that doesn't exist (and/or of floats, order of complex
// numbers).
ReduceKernel reduce_kernel(DType type, Reduce reduce);

float half_to_float(uint16_t bits);
uint16_t float_to_half(float value);
float bfloat_to_float(uint16_t bits);
uint16_t float_to_bfloat(float value);

}  // namespace cordata::runtime
