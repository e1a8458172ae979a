// SPDX-License-Identifier: Apache-2.0
#include "cordata/runtime/trace.h"

#include <array>
#include <fstream>
#include <iterator>
#include <nlohmann/json.hpp>

#include "cordata/base/error.h"

namespace cordata::runtime {
namespace {

constexpr std::array<const char*, 4> kLanes = {"compute", "wait", "send", "receive"};

double microseconds(Trace::Clock::duration d) { return std::chrono::duration<double, std::micro>(d).count(); }

}  // namespace

void Trace::add(Lane lane, std::string name, Clock::time_point begin, Clock::time_point end, int64_t bytes) {
  std::lock_guard lock(mutex_);
  events_.push_back({lane, std::move(name), begin, end, bytes});
}

std::string Trace::to_json(int rank, Clock::time_point origin) const {
  using json = nlohmann::ordered_json;
  auto meta = [&](const char* what, int lane, const std::string& text) {
    return json{{"ph", "M"}, {"name", what}, {"pid", rank}, {"tid", lane}, {"args", {{"name", text}}}}.dump();
  };
  std::string text = meta("process_name", 0, fmt::format("rank {}", rank));
  for (size_t lane = 0; lane < kLanes.size(); ++lane) text += ",\n" + meta("thread_name", static_cast<int>(lane), kLanes[lane]);
  std::lock_guard lock(mutex_);
  for (const TraceEvent& e : events_) {
    const int lane = static_cast<int>(e.lane);
    json j{{"ph", "X"}, {"name", e.name}, {"cat", kLanes[lane]}, {"pid", rank}, {"tid", lane}};
    j["ts"] = microseconds(e.begin - origin);
    j["dur"] = microseconds(e.end - e.begin);
    if (e.bytes > 0) j["args"] = {{"bytes", e.bytes}};
    text += ",\n" + j.dump();
  }
  return text;
}

void write_chrome_trace(const std::string& path, std::span<const std::string> ranks) {
  std::ofstream out(path);
  out << "{\"displayTimeUnit\": \"ms\", \"traceEvents\": [\n";
  for (size_t r = 0; r < ranks.size(); ++r) out << (r ? ",\n" : "") << ranks[r];
  out << "\n]}\n";
  out.close();
  if (!out) throw base::environment_error("[runtime.trace] could not write {}", path);
}

}  // namespace cordata::runtime
