// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <chrono>

namespace cordata::planner {

using Clock = std::chrono::steady_clock;

// How long to go on: to a time, or until it is asked to stop.
struct Until {
  Until() = default;
  Until(Clock::time_point time, const std::atomic<bool>* asked = nullptr) : at(time), stop(asked) {}
  bool over() const { return (stop && *stop) || Clock::now() >= at; }

  Clock::time_point at = Clock::time_point::max();
  const std::atomic<bool>* stop = nullptr;
};

}  // namespace cordata::planner
