// SPDX-License-Identifier: Apache-2.0
#include "cordata/runtime/launch/cores.h"

#include <fmt/ranges.h>
#include <sched.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstdlib>
#include <cstring>
#include <sstream>
#include <vector>

#include "cordata/base/error.h"
#include "cordata/runtime/launch/names.h"
#include "cordata/runtime/launch/rank.h"

namespace cordata::runtime {

int cores_of_all(Communicator& all) {
  cpu_set_t mine, together;
  CPU_ZERO(&mine);
  CPU_ZERO(&together);
  ::sched_getaffinity(0, sizeof mine, &mine);  // none when it fails
  std::vector<cpu_set_t> sets(all.size());
  all.all_gather(&mine, sets.data(), sizeof mine);
  for (const cpu_set_t& set : sets) CPU_OR(&together, &together, &set);
  return std::max(1, std::min(CPU_COUNT(&together), quota_cores().value_or(CPU_SETSIZE)));
}

namespace {

std::vector<int> numbers(const std::string& words) {
  std::vector<int> out;
  std::istringstream in(words);
  for (std::string word; std::getline(in, word, ',');) {
    int n = -1;
    const auto [end, error] = std::from_chars(word.data(), word.data() + word.size(), n);
    if (error != std::errc() || end != word.data() + word.size() || n < 0 || n >= CPU_SETSIZE)
      throw base::user_error(
          "[runtime.launch] --cpu-list: wanted a CPU's number for each rank, got '{}'; for "
          "example 0,1,1",
          words);
    out.push_back(n);
  }
  return out;
}

std::vector<int> usable_cpus() {
  cpu_set_t set;
  CPU_ZERO(&set);
  ::sched_getaffinity(0, sizeof set, &set);
  std::vector<int> out;
  for (int cpu = 0; cpu < CPU_SETSIZE; ++cpu)
    if (CPU_ISSET(cpu, &set)) out.push_back(cpu);
  return out;
}

}  // namespace

std::vector<int> parse_cpu_list(const std::string& words, int ranks) {
  const auto cpus = numbers(words);
  if (!words.empty() && static_cast<int>(cpus.size()) != ranks)
    throw base::user_error("[runtime.launch] --cpu-list: wanted a CPU for each of {} ranks, got {} in '{}'",
                           ranks, cpus.size(), words);
  const auto usable = usable_cpus();
  for (const int cpu : cpus)
    if (std::ranges::find(usable, cpu) == usable.end())
      throw base::user_error(
          "[runtime.launch] --cpu-list: wanted CPUs of {}, got {}; try `nproc` and taskset",
          fmt::join(usable, ","), cpu);
  return cpus;
}

void bind_as_told() {
  const char* words = std::getenv(launch_names::kCpus);
  if (!words) return;
  const auto place = rank_from_environment().value_or(RankPlace{});
  const int cpu = parse_cpu_list(words, place.local_size).at(place.local_rank);
  cpu_set_t set;
  CPU_ZERO(&set);
  CPU_SET(cpu, &set);
  if (::sched_setaffinity(0, sizeof set, &set) != 0)
    throw base::environment_error("[runtime.launch] wanted rank {} on CPU {}, got: {}", place.rank, cpu,
                                  std::strerror(errno));
}

}  // namespace cordata::runtime
