// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <vector>

#include "cordata/program/program.h"

namespace cordata::program {

// Where a list's receives are posted: by position, the receives (by position) that are posted just before
// that instruction. The executor, the simulator and the check all ask this, so that what is checked and
// simulated is what runs.
//
// Each is posted before the module that runs ahead of the one that needs it:
//   RECV a | RUN F0 | RECV b | RUN F1 | RECV c | RUN F2
//   ^ post a, b       ^ post c
// so that a message moves during a whole module, while buffers of later microbatches aren't held yet.
std::vector<std::vector<int>> receives_posted_at(const std::vector<Instruction>& list);

}  // namespace cordata::program
