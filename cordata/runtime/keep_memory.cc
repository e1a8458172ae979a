// SPDX-License-Identifier: Apache-2.0
#include "cordata/runtime/keep_memory.h"

#include <fmt/format.h>
#include <jemalloc/jemalloc.h>
#include <sys/types.h>

#include <fstream>
#include <string>

extern "C" __attribute__((weak)) decltype(mallctl) mallctl;

namespace cordata::runtime {
namespace {

constexpr ssize_t kKeptMs = 2000;  // far longer than a step that is over too soon to pay for its pages again

// A line of /proc/self/status, in bytes.
base::Bytes status_line(std::string_view key) {
  std::ifstream in("/proc/self/status");
  for (std::string line; std::getline(in, line);)
    if (line.starts_with(key)) return base::Bytes(1024 * std::stod(line.substr(key.size() + 1)));
  return base::Bytes(0);
}

void set(const std::string& name, ssize_t value) {
  mallctl(name.c_str(), nullptr, nullptr, &value, sizeof value);
}

}  // namespace

// Pages that were freed are only joined when they are given back: kept for good, they fall apart where sizes
// come in turns, and fit nothing any more (a GPipe schedule grew by 30 MB a step).
void keep_freed_memory() {
  if (!mallctl) return;
  set("arenas.dirty_decay_ms", kKeptMs);  // of arenas that are made from now on
  set("arena.0.dirty_decay_ms", kKeptMs);
}

base::Bytes settle_resident() {
  if (mallctl)
    mallctl(fmt::format("arena.{}.purge", MALLCTL_ARENAS_ALL).c_str(), nullptr, nullptr, nullptr, 0);
  std::ofstream("/proc/self/clear_refs") << 5;  // the peak is what there is now
  return status_line("VmRSS:");
}

base::Bytes resident_peak() { return status_line("VmHWM:"); }

}  // namespace cordata::runtime
