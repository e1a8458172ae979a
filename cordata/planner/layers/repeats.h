// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <vector>

namespace cordata::planner {

// The longest stretch of a sequence that repeats itself: `count` times `period` signs from `begin` on, the
// next period's like the one before.
struct Repeats {
  int begin = 0, period = 0, count = 0;
};

// Of the stretches that hold at least half of the sequence, one of the smallest period; count 0: there is
// none. Time O(period * signs).
Repeats find_repeats(const std::vector<uint64_t>& signs);

}  // namespace cordata::planner
