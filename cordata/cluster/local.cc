// SPDX-License-Identifier: Apache-2.0
#include <sched.h>
#include <sys/sysinfo.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <vector>

#include "cordata/base/error.h"
#include "cordata/base/parallel.h"
#include "cordata/cluster/fit.h"
#include "cordata/cluster/presets.h"

namespace cordata::cluster {
namespace {

using Clock = std::chrono::steady_clock;
double since(Clock::time_point start) { return std::chrono::duration<double>(Clock::now() - start).count(); }

// Multiply-adds on eight independent vectors: as fast as one core can go.
struct Four {
  typedef float Vector __attribute__((vector_size(16)));
  static constexpr int kWidth = 4;
};
struct Eight {
  typedef float Vector __attribute__((vector_size(32)));
  static constexpr int kWidth = 8;
};
struct Sixteen {
  typedef float Vector __attribute__((vector_size(64)));
  static constexpr int kWidth = 16;
};
template <typename V>
[[gnu::always_inline]] inline float spin(int64_t rounds) {
  using Vector = typename V::Vector;
  Vector acc[8], x, y;
  for (int i = 0; i < V::kWidth; ++i) {
    x[i] = 0.999f;
    y[i] = 0.001f;
  }
  for (int k = 0; k < 8; ++k) acc[k] = y;
  for (int64_t r = 0; r < rounds; ++r)
    for (int k = 0; k < 8; ++k) acc[k] = acc[k] * x + y;
  float sum = 0;
  for (int k = 0; k < 8; ++k) sum += acc[k][0];
  return sum;
}
#if defined(__x86_64__)
[[gnu::target("avx512f,fma"), gnu::optimize("O3,fast-math")]] float spin_avx512(int64_t rounds) {
  return spin<Sixteen>(rounds);
}
[[gnu::target("avx2,fma"), gnu::optimize("O3,fast-math")]] float spin_avx2(int64_t rounds) {
  return spin<Eight>(rounds);
}
#endif
[[gnu::optimize("O3,fast-math")]] float spin_plain(int64_t rounds) { return spin<Four>(rounds); }

struct Kernel {
  float (*run)(int64_t);
  int width;
};

Kernel kernel() {
#if defined(__x86_64__)
  if (__builtin_cpu_supports("avx512f")) return {spin_avx512, 16};
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) return {spin_avx2, 8};
#endif
  return {spin_plain, 4};
}

double measure_flops() {
  const Kernel k = kernel();
  constexpr int64_t kRounds = 1 << 19;
  volatile float sink = k.run(kRounds);  // warms up
  double best = 1e9;
  for (int i = 0; i < 5; ++i) {
    const auto start = Clock::now();
    sink = k.run(kRounds);
    best = std::min(best, since(start));
  }
  (void)sink;
  return 2.0 * 8 * k.width * kRounds / best;
}

[[gnu::noinline]] void stream(float* __restrict to, const float* __restrict from, size_t n) {
  for (size_t i = 0; i < n; ++i) to[i] += 0.5f * from[i];
}

// Of all cores together, each over arrays of its own: one alone gets more than its share.
double measure_bandwidth(int cores) {
  constexpr int kRounds = 5;
  const size_t each = std::clamp<size_t>((32u << 20) / static_cast<size_t>(cores), 2u << 20, 16u << 20);
  std::vector<std::vector<float>> a(cores), b(cores);
  base::parallel_for(cores, [&](int c) { a[c].assign(each, 1.0f), b[c].assign(each, 2.0f); });
  std::vector<double> seconds;
  for (int i = 0; i < kRounds; ++i) {
    const auto start = Clock::now();
    base::parallel_for(cores, [&](int c) { stream(b[c].data(), a[c].data(), each); });
    seconds.push_back(since(start));
  }
  volatile float sink = b[0][7];
  (void)sink;
  return 3.0 * sizeof(float) * static_cast<double>(each) * cores / median(std::move(seconds));
}

std::filesystem::path cache_file() {
  const char* xdg = std::getenv("XDG_CACHE_HOME");
  const char* home = std::getenv("HOME");
  std::filesystem::path root =
      xdg && *xdg ? xdg : std::filesystem::path(home && *home ? home : "/tmp") / ".cache";
  return root / "cordata" / "machine.json";
}

struct Machine {
  int cores = 1;
  double memory = 0, core_flops = 0, bandwidth = 0;
};

int available_cores() {
  cpu_set_t set;
  CPU_ZERO(&set);
  if (sched_getaffinity(0, sizeof set, &set) == 0) return std::max(1, CPU_COUNT(&set));
  return std::max(1l, sysconf(_SC_NPROCESSORS_ONLN));
}

std::string processor() {
  std::ifstream in("/proc/cpuinfo");
  for (std::string line; std::getline(in, line);)
    if (line.starts_with("model name")) return line;
  return "unknown";
}

// One core's multiply-add rate and the memory's bandwidth: from the cache when it is this processor's, else
// measured and kept. A cache that can't be read or written is no error: the figures are measured again next
// time.
Machine machine() {
  Machine m;
  m.cores = available_cores();
  struct sysinfo info {};
  sysinfo(&info);
  m.memory = static_cast<double>(info.totalram) * info.mem_unit;
  const std::string cpu = processor();
  std::ifstream in(cache_file());
  const auto kept = nlohmann::json::parse(in, nullptr, false);
  if (kept.is_object() && kept.value("format", "") == "cordata.machine/2" &&
      kept.value("processor", "") == cpu) {
    m.core_flops = kept.value("core_flops_per_s", 0.0);
    m.bandwidth = kept.value("memory_bytes_per_s", 0.0);
  }
  if (m.core_flops > 0 && m.bandwidth > 0) return m;
  m.core_flops = measure_flops();
  m.bandwidth = measure_bandwidth(m.cores);
  std::error_code ignored;
  std::filesystem::create_directories(cache_file().parent_path(), ignored);
  const auto temporary = cache_file().string() + "." + std::to_string(getpid());
  std::ofstream(temporary) << nlohmann::json{{"format", "cordata.machine/2"},
                                             {"processor", cpu},
                                             {"core_flops_per_s", m.core_flops},
                                             {"memory_bytes_per_s", m.bandwidth}};
  std::filesystem::rename(temporary, cache_file(), ignored);
  return m;
}

}  // namespace

Cluster local(int ranks, std::optional<int> cores) {
  if (ranks < 1) throw base::user_error("[cluster] wanted local:N with N >= 1 ranks, got local:{}", ranks);
  Machine m = machine();
  if (cores) m.cores = std::max(1, *cores);
  const int cores_each = std::max(1, m.cores / ranks);
  const double shared = std::max(1.0, static_cast<double>(ranks) / m.cores);
  Cluster c;
  c.name = "local:" + std::to_string(ranks);
  c.devices_per_host = ranks;
  c.cores_shared_by = shared;
  c.device.kind = "cpu";
  const double peak = m.core_flops * cores_each;
  c.device.peak = {{ir::DType::kF32, base::FlopsPerSecond(peak)},
                   {ir::DType::kF64, base::FlopsPerSecond(peak / 2)}};
  c.device.efficiency = 0.75;
  c.device.memory = base::Bytes(m.memory / ranks);
  c.device.memory_bandwidth = base::BytesPerSecond(m.bandwidth * cores_each / m.cores);
  c.device.launch = base::Seconds(2e-6);
  c.device.overlap = 0;  // XLA's CPU kernels wait for what they read
  c.device.source =
      "multiply-add rate of a core and memory bandwidth measured on this machine; efficiency 0.75 and launch "
      "2 us modelled";
  // Messages between ranks are copies through shared memory by the same cores, read and written on their way
  // in and out, a line that is written being read first; shared by the ranks that copy at once. A twelfth of
  // the memory's bandwidth: with 43 GB/s, 16 MB over 4 ranks on 2 cores are gathered in 6.7 ms
  // (measured: 8.1) and, summed up on the way, all-reduced in 17 ms (22), 4 MB in 4.2 ms (4.4).
  c.intra = {
      base::Seconds(5e-6 * shared), base::BytesPerSecond(m.bandwidth / 12 / shared),
      "modelled: copies through shared memory, a twelfth of the measured memory bandwidth; 5 us a message"};
  c.inter = c.intra;
  return c;
}

}  // namespace cordata::cluster
