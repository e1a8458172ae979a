// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstdint>
#include <mutex>
#include <span>
#include <string>
#include <vector>

namespace cordata::runtime {

// When a rank did what, for a timeline. Times are of the steady clock, which the ranks of one host share.
class Trace {
 public:
  using Clock = std::chrono::steady_clock;

  // What a line of the timeline shows, one lane for each in its rank.
  enum class Lane : uint8_t { kCompute, kWait, kSend, kReceive };

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

// Writes what to_json gave of each rank as a Chrome trace (chrome://tracing, ui.perfetto.dev). Throws an environment
// error when the file can't be written.
void write_chrome_trace(const std::string& path, std::span<const std::string> ranks);

}  // namespace cordata::runtime
