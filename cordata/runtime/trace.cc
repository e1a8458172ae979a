// SPDX-License-Identifier: Apache-2.0
#include "cordata/runtime/trace.h"

namespace cordata::runtime {

void Trace::add(Lane lane, std::string name, Clock::time_point begin, Clock::time_point end, int64_t bytes) {
  std::lock_guard lock(mutex_);
  events_.push_back({lane, std::move(name), begin, end, bytes});
}

std::string Trace::to_json(int rank, Clock::time_point origin) const {
  const auto seconds = [&](Clock::time_point t) { return std::chrono::duration<double>(t - origin).count(); };
  std::vector<base::TimelineEvent> events;
  std::lock_guard lock(mutex_);
  for (const TraceEvent& e : events_)
    events.push_back({e.lane, e.name, seconds(e.begin), seconds(e.end), e.bytes});
  return base::to_chrome_events(rank, events);
}

}  // namespace cordata::runtime
