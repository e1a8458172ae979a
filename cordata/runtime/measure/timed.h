// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <chrono>
#include <vector>

#include "cordata/base/units.h"
#include "cordata/ir/type.h"
#include "cordata/runtime/deadline.h"

namespace cordata::runtime {

// Until when one run of a module that is measured must have ended.
inline Deadline measured_soon() { return Deadline::after(base::Seconds(60)); }

// Seconds of each run of `work`, which is run once before, then for as long as the effort says.
template <typename Work>
std::vector<double> run_times(base::Seconds effort, Work&& work) {
  constexpr size_t kMostTimes = 50;
  using Clock = std::chrono::steady_clock;
  work();
  const auto since = [](Clock::time_point t) {
    return std::chrono::duration<double>(Clock::now() - t).count();
  };
  const auto start = Clock::now();
  std::vector<double> seconds;
  while (seconds.size() < 3 || (since(start) < effort.value && seconds.size() < kMostTimes)) {
    const auto begin = Clock::now();
    work();
    seconds.push_back(since(begin));
  }
  return seconds;
}

// What a device can do: what else the machine does only ever adds to its times, of which a quarter is
// shorter, the rest longer.
template <typename Work>
double timed(base::Seconds effort, Work&& work) {
  auto seconds = run_times(effort, work);
  const auto quarter = seconds.begin() + static_cast<std::ptrdiff_t>(seconds.size() / 4);
  std::nth_element(seconds.begin(), quarter, seconds.end());
  return *quarter;
}

// One half, as the type has it: sums and products of it stay normal numbers. Empty for types that are no
// floats.
std::vector<std::byte> halves(ir::DType type, int64_t count);

}  // namespace cordata::runtime
