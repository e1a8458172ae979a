// SPDX-License-Identifier: Apache-2.0
#include "cordata/runtime/measure/device_speed.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>

#include "cordata/base/error.h"
#include "cordata/runtime/measure/timed.h"

namespace cordata::runtime {

std::vector<std::byte> halves(ir::DType type, int64_t count) {
  const auto repeat = [&](auto value) {
    std::vector<decltype(value)> values(count, value);
    const auto bytes = std::as_bytes(std::span(values));
    return std::vector<std::byte>(bytes.begin(), bytes.end());
  };
  if (type == ir::DType::kF32) return repeat(0.5f);
  if (type == ir::DType::kF64) return repeat(0.5);
  if (type == ir::DType::kBF16) return repeat(uint16_t{0x3f00});
  if (type == ir::DType::kF16) return repeat(uint16_t{0x3800});
  return {};
}

namespace {

using Clock = std::chrono::steady_clock;

// `rows` x n by n x n.
std::string matmul_module(ir::DType type, int64_t n, int64_t rows) {
  return fmt::format(R"(module @matmul {{
  func.func @main(%a: tensor<{2}x{0}x{1}>, %b: tensor<{0}x{0}x{1}>) -> tensor<{2}x{0}x{1}> {{
    %c = stablehlo.dot_general %a, %b, contracting_dims = [1] x [0] : (tensor<{2}x{0}x{1}>, tensor<{0}x{0}x{1}>) -> tensor<{2}x{0}x{1}>
    return %c : tensor<{2}x{0}x{1}>
  }}
}})",
                     n, ir::name(type), rows);
}

std::string stream_module(int64_t n) {
  return fmt::format(R"(module @stream {{
  func.func @main(%a: tensor<{0}xf32> {{tf.aliasing_output = 0 : i32}}, %b: tensor<{0}xf32>) -> tensor<{0}xf32> {{
    %half = stablehlo.constant dense<0.5> : tensor<{0}xf32>
    %c = stablehlo.multiply %b, %half : tensor<{0}xf32>
    %d = stablehlo.add %a, %c : tensor<{0}xf32>
    return %d : tensor<{0}xf32>
  }}
}})",
                     n);
}

// So many products of 8 x 8 matrices, each of the one before.
std::string chain_module(int ops) {
  const char* type = "tensor<8x8xf32>";
  std::string text = fmt::format("module @chain {{\n  func.func @main(%v0: {0}) -> {0} {{\n", type);
  for (int i = 0; i < ops; ++i)
    text += fmt::format(
        "    %v{1} = stablehlo.dot_general %v{2}, %v0, contracting_dims = [1] x [0] : ({0}, {0}) -> {0}\n",
        type, i + 1, i);
  return text + fmt::format("    return %v{} : {}\n  }}\n}}", ops, type);
}

double chain_seconds(const Client& client, int ops, base::Seconds effort) {
  const int64_t dims[] = {8, 8};
  const Buffer value = client.upload(std::vector<float>(64, 0.1f), ir::DType::kF32, dims);
  const Executable module = client.compile(chain_module(ops));
  const Buffer* const arguments[] = {&value};
  return timed(effort,
               [&] { module.execute(arguments).done.await(measured_soon(), "a chain of small ops"); });
}

double matmul_seconds(const Client& client, ir::DType type, int64_t n, base::Seconds effort) {
  const int64_t dims[] = {n, n};
  const auto values = halves(type, n * n);
  const Buffer a = client.upload(values.data(), type, dims), b = client.upload(values.data(), type, dims);
  const Executable module = client.compile(matmul_module(type, n, n));
  const Buffer* const arguments[] = {&a, &b};
  return timed(effort, [&] { module.execute(arguments).done.await(measured_soon(), "a matmul"); });
}

}  // namespace

std::vector<MatmulSpeed> measure_matmul(const Client& client, ir::DType type, const DeviceEffort& effort) {
  std::vector<MatmulSpeed> found;
  if (halves(type, 1).empty()) return found;
  try {
    double seconds = 0;
    for (int64_t n = 128; n <= effort.largest_matrix && 3 * seconds < effort.each.value; n *= 2) {
      seconds = matmul_seconds(client, type, n, effort.each / 4);
      found.push_back({type, n, base::FlopsPerSecond(2.0 * n * n * n / seconds)});
    }
  } catch (const base::Error&) {
    if (!found.empty()) throw;  // the plugin knows the type: something else is wrong
  }
  return found;
}

std::vector<double> measure_windows(const Client& client, base::Seconds each, int windows) {
  constexpr int64_t kSize = 1024, kRows = 256, kDims[] = {kSize, kSize}, kFew[] = {kRows, kSize};
  constexpr int kMatrices = 16;  // 64 MiB: as a step's weights, no cache holds them
  const auto values = halves(ir::DType::kF32, kSize * kSize);
  const Buffer rows = client.upload(values.data(), ir::DType::kF32, kFew);
  std::vector<Buffer> matrices;
  for (int i = 0; i < kMatrices; ++i)
    matrices.push_back(client.upload(values.data(), ir::DType::kF32, kDims));
  const Executable module = client.compile(matmul_module(ir::DType::kF32, kSize, kRows));
  std::vector<double> rates;
  for (int w = 0; w < windows; ++w) {
    const auto begin = Clock::now();
    double seconds = 0;
    int count = 0;
    while (seconds < each.value) {
      const Buffer* const arguments[] = {&rows, &matrices[count % kMatrices]};
      module.execute(arguments).done.await(measured_soon(), "a matmul");
      seconds = std::chrono::duration<double>(Clock::now() - begin).count(), ++count;
    }
    rates.push_back(count / seconds);
  }
  return rates;
}

base::BytesPerSecond measure_memory(const Client& client, const DeviceEffort& effort) {
  const int64_t n = effort.stream_elements, dims[] = {n};
  const std::vector<float> values(n, 0.5f);
  Buffer a = client.upload(values, ir::DType::kF32, dims);
  const Buffer b = client.upload(values, ir::DType::kF32, dims);
  const Executable module = client.compile(stream_module(n));
  const double seconds = timed(effort.each, [&] {
    const Buffer* const arguments[] = {&a, &b};
    Execution done = module.execute(arguments);
    done.done.await(measured_soon(), "a pass over memory");
    a = std::move(done.results[0]);
  });
  return base::BytesPerSecond(3.0 * sizeof(float) * static_cast<double>(n) / seconds);
}

double measure_overlap(const Client& client, base::FlopsPerSecond rate, base::BytesPerSecond memory,
                       const DeviceEffort& effort) {
  constexpr int64_t kSize = 1024, kRows = 32, kDims[] = {kSize, kSize}, kFew[] = {kRows, kSize};
  const int64_t matrices = std::max<int64_t>(2, 2 * effort.stream_elements / (kSize * kSize));
  const auto values = halves(ir::DType::kF32, kSize * kSize);
  const Buffer rows = client.upload(values.data(), ir::DType::kF32, kFew);
  std::vector<Buffer> all;
  for (int64_t i = 0; i < matrices; ++i) all.push_back(client.upload(values.data(), ir::DType::kF32, kDims));
  const Executable module = client.compile(matmul_module(ir::DType::kF32, kSize, kRows));
  const double seconds =
      timed(effort.each,
            [&] {
              for (const Buffer& matrix : all) {
                const Buffer* const arguments[] = {&rows, &matrix};
                module.execute(arguments).done.await(measured_soon(), "a product of few rows");
              }
            }) /
      static_cast<double>(matrices);
  const double computing = 2.0 * kRows * kSize * kSize / rate.value;
  const double reading = sizeof(float) * static_cast<double>(kSize * kSize) / memory.value;
  const double shorter = std::min(computing, reading), longer = std::max(computing, reading);
  return std::clamp(1 - (seconds - longer) / shorter, -4.0, 1.0);
}

base::Seconds measure_launch(const Client& client, const DeviceEffort& effort) {
  constexpr int kFew = 1, kMany = 65;
  const double few = chain_seconds(client, kFew, effort.each / 2);
  const double many = chain_seconds(client, kMany, effort.each / 2);
  return base::Seconds(std::max(0.0, many - few) / (kMany - kFew));
}

}  // namespace cordata::runtime
