// SPDX-License-Identifier: Apache-2.0
#include "cordata/planner/layers/repeats.h"

#include <algorithm>

namespace cordata::planner {
namespace {

constexpr int kLongestPeriod = 4096;

// The longest run of places that are like the one `period` further on.
Repeats longest(const std::vector<uint64_t>& signs, int period) {
  const int n = static_cast<int>(signs.size());
  Repeats best{0, period, 0};
  for (int i = 0, run = 0; i + period < n; ++i) {
    run = signs[i] == signs[i + period] ? run + 1 : 0;
    const int count = run / period + 1;
    if (run > 0 && count > best.count) best = {i + 1 - run, period, count};
  }
  return best;
}

}  // namespace

Repeats find_repeats(const std::vector<uint64_t>& signs) {
  const int n = static_cast<int>(signs.size());
  for (int period = 1; period <= std::min(n / 2, kLongestPeriod); ++period) {
    const Repeats found = longest(signs, period);
    if (found.count >= 2 && 2 * found.count * period >= n) return found;
  }
  return {};
}

}  // namespace cordata::planner
