// SPDX-License-Identifier: Apache-2.0
#include "cordata/base/timeline.h"

#include <fmt/format.h>

#include <array>
#include <nlohmann/json.hpp>

#include "cordata/base/files.h"

namespace cordata::base {
namespace {

using json = nlohmann::ordered_json;
constexpr std::array<const char*, 4> kLanes = {"compute", "wait", "send", "receive"};

json meta(int rank, const char* what, int lane, const std::string& text) {
  return {{"ph", "M"}, {"name", what}, {"pid", rank}, {"tid", lane}, {"args", {{"name", text}}}};
}

}  // namespace

std::string to_chrome_events(int rank, std::span<const TimelineEvent> events,
                             std::span<const std::pair<double, int64_t>> memory) {
  std::string text = meta(rank, "process_name", 0, fmt::format("rank {}", rank)).dump();
  for (size_t lane = 0; lane < kLanes.size(); ++lane)
    text += ",\n" + meta(rank, "thread_name", static_cast<int>(lane), kLanes[lane]).dump();
  for (const TimelineEvent& e : events) {
    const int lane = static_cast<int>(e.lane);
    json j{{"ph", "X"}, {"name", e.name}, {"cat", kLanes[lane]}, {"pid", rank}, {"tid", lane}};
    j["ts"] = e.begin_s * 1e6;
    j["dur"] = (e.end_s - e.begin_s) * 1e6;
    if (e.bytes > 0) j["args"] = {{"bytes", e.bytes}};
    text += ",\n" + j.dump();
  }
  for (const auto& [at, bytes] : memory)
    text +=
        ",\n" +
        json{{"ph", "C"}, {"name", "memory"}, {"pid", rank}, {"ts", at * 1e6}, {"args", {{"bytes", bytes}}}}
            .dump();
  return text;
}

void write_chrome_trace(const std::string& path, std::span<const std::string> ranks) {
  std::string text = "{\"displayTimeUnit\": \"ms\", \"traceEvents\": [\n";
  for (size_t r = 0; r < ranks.size(); ++r) text += (r ? ",\n" : "") + ranks[r];
  write_file(path, text + "\n]}\n");
}

}  // namespace cordata::base
