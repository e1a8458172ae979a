// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "cordata/runtime/transport/transport.h"

namespace cordata::runtime {

// Cores that the ranks of one machine may use together: two ranks bound to a core each have two, two that
// share a core have one. Within their container's quota; at least 1. Called by all ranks.
int cores_of_all(Communicator& all);

// "0,1,1": the CPU of each rank. Throws a user error for what is no list of so many CPUs that this process
// may use; empty words: an empty list.
std::vector<int> parse_cpu_list(const std::string& words, int ranks);

// Binds this process to the CPU that the launching command chose for its rank, if it chose one. To be called
// before threads start.
void bind_as_told();

}  // namespace cordata::runtime
