// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <utility>
#include <vector>

namespace cordata::base {

// What a line of a timeline shows, one lane for each in its rank.
enum class Lane : uint8_t { kCompute, kWait, kSend, kReceive };

struct TimelineEvent {
  Lane lane;
  std::string name;
  double begin_s, end_s;
  int64_t bytes = 0;  // 0: none to show
};

// What one rank did, measured or simulated, as the inside of a JSON array of Chrome trace events (no
// brackets). `memory`: bytes held from a moment on, drawn as a curve of its own.
std::string to_chrome_events(int rank, std::span<const TimelineEvent> events,
                             std::span<const std::pair<double, int64_t>> memory = {});

// Writes what to_chrome_events gave of each rank as a trace for chrome://tracing or ui.perfetto.dev. Throws
// an environment error when the file can't be written.
void write_chrome_trace(const std::string& path, std::span<const std::string> ranks);

}  // namespace cordata::base
