// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "cordata/plan/plan.h"

namespace cordata::partition {

// Counts the collectives in the *text* of a module (generic form), whoever wrote it: one line per (kind,
// axes, bytes), of one run. `axes_sets`: what custom calls' `comm` numbers mean, from `first_comm` on; native
// collectives are told by their replica groups. Bytes are those of ReshardStep: of the operand's type as
// printed. Throws a user error at a collective it can't place.
std::vector<plan::BillLine> count_collectives(std::string_view text, const sharding::Mesh& mesh,
                                              const std::vector<uint32_t>& axes_sets = {},
                                              int first_comm = 0);

// Merges lines that differ in count only, sorted as a plan's bill; lines count `times` times.
void add_to_bill(std::vector<plan::BillLine>& bill, const std::vector<plan::BillLine>& more, int64_t times);

}  // namespace cordata::partition
