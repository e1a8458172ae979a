// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <vector>

#include "cordata/runtime/transport/transport.h"

namespace cordata::runtime {

// Ranks as threads of one process: for tests, and for a run of one rank. Gives one Transport per rank; each
// may be used by threads of its own. A send ends when its message has been received. Calls that disagree
// between ranks (two collectives that differ in kind or size) are an environment error on all of them, not a
// hang.
std::vector<std::unique_ptr<Transport>> make_thread_world(int size);

}  // namespace cordata::runtime
