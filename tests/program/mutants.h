// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <random>
#include <string>

#include "cordata/program/program.h"

namespace cordata::tests {

enum class Mutation { kDrop, kDouble, kSwap, kMove, kPeer, kTag, kSlot };
constexpr Mutation kMutations[] = {Mutation::kDrop, Mutation::kDouble, Mutation::kSwap, Mutation::kMove,
                                   Mutation::kPeer, Mutation::kTag,    Mutation::kSlot};
std::string_view name(Mutation m);  // "dropped", ...

struct Mutant {
  program::Program program;
  std::string what;  // "rank 1, step[3] dropped"
};

// The program with one instruction of one rank dropped, doubled, swapped with the next one, moved elsewhere
// in its list, or with one peer, tag or slot replaced by another that occurs in the program; where, and by
// what, is drawn. Nothing where no instruction can be changed so (no message to redirect).
std::optional<Mutant> mutate(const program::Program& program, Mutation mutation, std::mt19937_64& random);

}  // namespace cordata::tests
