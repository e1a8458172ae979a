// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>

#include "cordata/base/units.h"

namespace cordata::runtime {

// The moment when a wait gives up. Every wait of the runtime takes one.
class Deadline {
 public:
  using Clock = std::chrono::steady_clock;

  static Deadline after(base::Seconds seconds) {
    return Deadline(Clock::now() + std::chrono::duration_cast<Clock::duration>(
                                       std::chrono::duration<double>(seconds.value)));
  }

  Clock::time_point when() const { return when_; }
  bool passed() const { return Clock::now() >= when_; }

 private:
  explicit Deadline(Clock::time_point when) : when_(when) {}
  Clock::time_point when_;
};

}  // namespace cordata::runtime
