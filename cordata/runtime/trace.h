// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstdint>
#include <mutex>
#include <string>
#include <vector>

#include "cordata/base/timeline.h"

namespace cordata::runtime {

// When a rank did what, for a timeline. Times are of the steady clock, which the ranks of one host share.
class Trace {
 public:
  using Clock = std::chrono::steady_clock;

  using Lane = base::Lane;

  void add(Lane lane, std::string name, Clock::time_point begin, Clock::time_point end, int64_t bytes = 0);
  bool empty() const { return events_.empty(); }

  // The events of this rank as the inside of a JSON array (no brackets), times in µs since `origin`.
  std::string to_json(int rank, Clock::time_point origin) const;

 private:
  struct TraceEvent {
    Lane lane;
    std::string name;
    Clock::time_point begin, end;
    int64_t bytes;
  };

  mutable std::mutex mutex_;  // messages end on a thread of their own
  std::vector<TraceEvent> events_;
};

using base::write_chrome_trace;  // of what to_json gave of each rank

}  // namespace cordata::runtime
