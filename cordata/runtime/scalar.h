// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <span>

#include "cordata/ir/type.h"

namespace cordata::runtime {

// The value of one element of a floating point or integer type. Throws a user error for other types.
double scalar(ir::DType type, std::span<const std::byte> bytes);

}  // namespace cordata::runtime
