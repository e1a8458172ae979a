// SPDX-License-Identifier: Apache-2.0
// How fast StableHLO text is read: text made of ops, hex constants, and what a 500 MB module takes of memory.
//
//   bench_reader ops|hex|memory|memory_ops [REPETITIONS]      one JSON document on stdout
//
// `values` of ops and hex: text bytes over wall time in MB/s, one a repetition; `mb_per_cpu_s` the same by
// CPU time, which other work on the machine doesn't slow. `values` of memory: the peak memory of a process
// that reads a file of 500 MB of constants (memory_ops: of 480,000 ops), the mapped text included, over the
// file's size.
#include <fmt/format.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <ctime>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>

#include "cordata/ir/text.h"

namespace cordata {
namespace {

constexpr int kOps = 120000;
constexpr int64_t kMega = 1000000;

// The ops of a transformer's layer as JAX prints them, over and over.
std::string ops_module(int ops) {
  std::string text =
      "module @jit_step attributes {mhlo.num_partitions = 1 : i32, mhlo.num_replicas = 1 : i32} {\n"
      "  func.func public @main(%arg0: tensor<8x128x256xf32>, %arg1: tensor<256x256xf32>) -> "
      "(tensor<8x128x256xf32> {jax.result_info = \"\"}) {\n";
  std::string x = "%arg0";
  int n = 0;
  auto op = [&](const std::string& line) {
    text += fmt::format("    %{} = {}\n", n, line);
    return fmt::format("%{}", n++);
  };
  auto scalar = [&](const char* v) {
    return op(fmt::format("stablehlo.constant dense<{}> : tensor<f32>", v));
  };
  auto spread = [&](const std::string& v) {
    return op(
        fmt::format("stablehlo.broadcast_in_dim {}, dims = [] : (tensor<f32>) -> tensor<8x128x256xf32>", v));
  };
  while (n < ops) {
    std::string y =
        op(fmt::format("stablehlo.dot_general {}, %arg1, contracting_dims = [2] x [0], precision = [DEFAULT, "
                       "DEFAULT] : (tensor<8x128x256xf32>, tensor<256x256xf32>) -> tensor<8x128x256xf32>",
                       x));
    std::string zero = scalar("0.000000e+00");
    std::string sum =
        op(fmt::format("stablehlo.reduce({} init: {}) applies stablehlo.add across dimensions = [2] : "
                       "(tensor<8x128x256xf32>, tensor<f32>) -> tensor<8x128xf32>",
                       y, zero));
    std::string mean = op(fmt::format(
        "stablehlo.broadcast_in_dim {}, dims = [0, 1] : (tensor<8x128xf32>) -> tensor<8x128x256xf32>", sum));
    std::string scaled = op(fmt::format("stablehlo.multiply {}, {} : tensor<8x128x256xf32>", mean,
                                        spread(scalar("3.906250e-03"))));
    std::string centred = op(fmt::format("stablehlo.subtract {}, {} : tensor<8x128x256xf32>", y, scaled));
    std::string turned = op(fmt::format(
        "stablehlo.transpose {}, dims = [0, 2, 1] : (tensor<8x128x256xf32>) -> tensor<8x256x128xf32>",
        centred));
    std::string flat =
        op(fmt::format("stablehlo.reshape {} : (tensor<8x256x128xf32>) -> tensor<8x128x256xf32>", turned));
    std::string positive =
        op(fmt::format("stablehlo.compare  GT, {}, {},  FLOAT : (tensor<8x128x256xf32>, "
                       "tensor<8x128x256xf32>) -> tensor<8x128x256xi1>",
                       flat, spread(zero)));
    x = op(fmt::format("stablehlo.select {}, {}, {} : tensor<8x128x256xi1>, tensor<8x128x256xf32>", positive,
                       flat, op(fmt::format("stablehlo.tanh {} : tensor<8x128x256xf32>", flat))));
  }
  return text + "    return " + x + " : tensor<8x128x256xf32>\n  }\n}\n";
}

// Constants of `each` bytes, `count` of them, written by `put` piece by piece.
template <typename Put>
void hex_module(int64_t count, int64_t each, Put put) {
  static constexpr char kDigits[] = "0123456789ABCDEF";
  std::string digits(2 * each, '0');
  uint64_t state = 1;
  for (char& c : digits) c = kDigits[(state = state * 6364136223846793005 + 1442695040888963407) >> 60];
  put("func.func public @main() -> tensor<f32> {\n");
  for (int64_t i = 0; i < count; ++i) {
    put(fmt::format("  %cst_{} = stablehlo.constant dense<\"0x", i));
    put(digits);
    put(fmt::format("\"> : tensor<{}xf32>\n", each / 4));
  }
  put("  %0 = stablehlo.constant dense<1.0> : tensor<f32>\n  return %0 : tensor<f32>\n}\n");
}

double cpu_seconds() {
  timespec t{};
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
  return t.tv_sec + 1e-9 * t.tv_nsec;
}

nlohmann::ordered_json measure(const std::string& text, int repetitions) {
  std::vector<double> wall, cpu;
  int nodes = 0;
  for (int i = 0; i <= repetitions; ++i) {
    auto start = std::chrono::steady_clock::now();
    double cpu_start = cpu_seconds();
    {
      ir::Graph graph = ir::read_module(text);
      nodes = graph.num_nodes();
    }
    double cpu_s = cpu_seconds() - cpu_start;
    double wall_s = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    if (i == 0) continue;  // warm-up
    wall.push_back(text.size() / wall_s / kMega);
    cpu.push_back(text.size() / cpu_s / kMega);
  }
  return {{"text_bytes", text.size()}, {"ops", nodes}, {"values", wall}, {"mb_per_cpu_s", cpu}};
}

// Reads the file in a process of its own and gives its peak memory.
nlohmann::ordered_json measure_memory(const std::filesystem::path& path) {
  pid_t child = ::fork();
  if (child == 0) {
    ::execl("/proc/self/exe", "bench_reader", "--read", path.c_str(), static_cast<char*>(nullptr));
    ::_exit(127);
  }
  int status = 0;
  rusage usage{};
  if (child < 0 || ::wait4(child, &status, 0, &usage) < 0 || status != 0)
    throw std::runtime_error("the reading process failed");
  double peak = 1024.0 * usage.ru_maxrss, size = std::filesystem::file_size(path);
  return {{"text_bytes", size}, {"peak_bytes", peak}, {"values", {peak / size}}};
}

nlohmann::ordered_json memory_of(auto&& write) {
  auto path = std::filesystem::temp_directory_path() / fmt::format("cordata_bench_{}.mlir", ::getpid());
  {
    std::ofstream file(path, std::ios::binary);
    write(file);
  }
  auto result = measure_memory(path);
  std::filesystem::remove(path);
  return result;
}

nlohmann::ordered_json run(const std::string& what, int repetitions) {
  if (what == "ops") return measure(ops_module(kOps), repetitions);
  if (what == "memory") {
    return memory_of(
        [](std::ofstream& f) { hex_module(25, 10 * kMega, [&](const std::string& s) { f << s; }); });
  }
  if (what == "memory_ops") return memory_of([](std::ofstream& f) { f << ops_module(4 * kOps); });
  std::string hex;
  hex_module(16, 2 * kMega, [&](const std::string& s) { hex += s; });
  return measure(hex, repetitions);
}

}  // namespace
}  // namespace cordata

int main(int argc, char** argv) {
  if (argc == 3 && std::string(argv[1]) == "--read")
    return cordata::ir::read_module_file(argv[2]).num_nodes() > 0 ? 0 : 1;
  fmt::print("{}\n", cordata::run(argc > 1 ? argv[1] : "ops", argc > 2 ? std::stoi(argv[2]) : 15).dump(1));
}
