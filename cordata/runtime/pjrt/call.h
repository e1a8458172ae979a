// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <pjrt_c_api.h>

// Small shorthands for calling the C API; private to this folder's .cc files.
namespace cordata::runtime::pjrt {

// Zeroed arguments with their size filled in. Plugins newer and older than the header take these as they are.
template <typename Args>
Args args() {
  Args result{};
  result.struct_size = sizeof(Args);
  return result;
}

}  // namespace cordata::runtime::pjrt
