// SPDX-License-Identifier: Apache-2.0
#include "cordata/runtime/keep_memory.h"

#include <fmt/format.h>
#include <jemalloc/jemalloc.h>
#include <sys/types.h>

#include <algorithm>
#include <fstream>
#include <string>

extern "C" __attribute__((weak)) decltype(mallctl) mallctl;

namespace cordata::runtime {
namespace {

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

void give_back_freed() {
  if (mallctl)
    mallctl(fmt::format("arena.{}.purge", MALLCTL_ARENAS_ALL).c_str(), nullptr, nullptr, nullptr, 0);
}

}  // namespace

void keep_freed_memory() {
  if (!mallctl) return;
  for (const char* pages : {"dirty", "muzzy"}) {
    set(fmt::format("arenas.{}_decay_ms", pages), -1);  // of arenas that are made from now on
    set(fmt::format("arena.0.{}_decay_ms", pages), -1);
  }
}

void give_back_if_grown() {
  if (!mallctl) return;
  static double settled = 0;  // after a step on pages that were given out anew
  static bool anew = true;
  const double now = status_line("VmRSS:").value;
  if (anew) settled = std::max(settled, now);
  const bool grown = !anew && now > 1.5 * settled + (32 << 20);
  if (grown) give_back_freed();
  anew = grown;
}

base::Bytes settle_resident() {
  give_back_freed();
  std::ofstream("/proc/self/clear_refs") << 5;  // the peak is what there is now
  return status_line("VmRSS:");
}

base::Bytes resident_peak() { return status_line("VmHWM:"); }

}  // namespace cordata::runtime
