// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

#include "cordata/ir/type.h"

namespace cordata::ir {

// Conversion between double and the bits of every float type up to f32 (in the low bits), rounding to nearest
// even. What doesn't fit becomes infinity, or NaN, or the largest value, by what the type has (OCP MX and
// IEEE 754).
uint64_t to_bits(double v, DType dtype);
double from_bits(uint64_t bits, DType dtype);

}  // namespace cordata::ir
