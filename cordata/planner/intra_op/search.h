// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "cordata/planner/intra_op/eliminate.h"
#include "cordata/planner/intra_op/solve.h"

namespace cordata::planner {

// log2 of the entries that exact elimination of the problem would go through.
double elimination_bits(const Problem& problem);

// A good choice for a problem too tangled to be eliminated, without memory. Large-neighbourhood search: a random cutset of nodes is held at
// what it has, so that all others can be minimised out together, exactly; until a number of cutsets in a row bring nothing. The
// lower bound is mini-bucket elimination's. Deterministic for a seed.
Solution search(const Problem& problem, uint64_t seed, Clock::time_point deadline);

}  // namespace cordata::planner
