// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "cordata/runtime/transport/transport.h"

namespace cordata::runtime {

// Cores that the ranks of one machine may use together: two ranks bound to a core each have two, two that
// share a core have one. Within their container's quota; at least 1. Called by all ranks.
int cores_of_all(Communicator& all);

}  // namespace cordata::runtime
