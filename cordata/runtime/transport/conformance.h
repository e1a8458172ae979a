// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "cordata/runtime/transport/transport.h"

namespace cordata::runtime {

// What every transport must do, checked by one rank of it; all ranks call it together. Throws an internal
// error that names the first thing that isn't so. Works for any number of ranks.
void check_conformance(Transport& transport);

}  // namespace cordata::runtime
