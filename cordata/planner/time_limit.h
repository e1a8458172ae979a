// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <chrono>
#include <limits>

#include "cordata/base/units.h"

namespace cordata::planner {

// Thrown where a plan's time is over, and caught where the best so far is known.
struct TimeIsOver {};

// When the search for a plan has to end: never, unless start() said when. One for a whole search, looked at
// by all that takes long; never by what only finishes the best so far.
class TimeLimit {
 public:
  using Clock = std::chrono::steady_clock;

  void start(base::Seconds seconds) {
    at_ = Clock::now() +
          std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>(seconds.value));
    stopped_ = false;
  }
  bool limited() const { return at_ < Clock::time_point::max(); }
  // Throws TimeIsOver.
  void check() const {
    if (!limited() || Clock::now() < at_) return;
    stopped_ = true;
    throw TimeIsOver();
  }
  bool stopped() const { return stopped_; }  // a check has found it over
  // For what can stop in the middle.
  Clock::time_point at() const { return at_; }
  double seconds_left() const {
    return limited() ? std::chrono::duration<double>(at_ - Clock::now()).count()
                     : std::numeric_limits<double>::infinity();
  }

 private:
  Clock::time_point at_ = Clock::time_point::max();
  mutable std::atomic<bool> stopped_{false};
};

}  // namespace cordata::planner
