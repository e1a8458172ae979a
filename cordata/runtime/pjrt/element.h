// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

#include "cordata/ir/type.h"

namespace cordata::runtime {

using ir::DType;

// Element types as the PJRT and the FFI C APIs number them. Each throws a user error for a type that API
// lacks.
int pjrt_type(DType type);
DType from_pjrt_type(int type);
DType from_ffi_type(int type);

// Bytes of one element as buffers hold it (i1 and 4-bit types take a byte).
int64_t element_bytes(DType type);

}  // namespace cordata::runtime
