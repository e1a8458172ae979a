// SPDX-License-Identifier: Apache-2.0
#include "tests/planner/sweeps.h"

#include <fmt/format.h>

#include "cordata/base/error.h"
#include "cordata/models/zoo.h"
#include "cordata/planner/planner.h"

namespace cordata::tests {
namespace {

std::string mlp(int layers, int in, int hidden, int out, int batch) {
  return fmt::format("mlp:layers={},in={},hidden={},out={},batch={},optimizer=sgd", layers, in, hidden, out,
                     batch);
}

// More samples make the sums of gradients worth their time; few are better served by cutting the matrices.
Point samples(double batch) { return {devices(1, 4, 10e9), mlp(3, 96, 384, 48, static_cast<int>(batch))}; }
// Wide layers have more weights than activations: their gradients are dearer to sum than what the cut
// matrices exchange.
// Between 200 and 768, auto's gradients go to shards of the weights, which others find only as zero-3.
Point widths(double hidden) {
  return {devices(1, 4, 10e9, 16e9), mlp(3, 96, static_cast<int>(hidden), 48, 1024)};
}
// Weights that no longer fit whole are kept in shards. All samples at once: smaller microbatches would make
// room too.
Point memory(double megabytes) {
  return {devices(1, 2, 1e9, megabytes * 1e6), mlp(3, 960, 960, 960, 4096), 1};
}
// A slow link is crossed by few activations rather than by all gradients.
Point links(double bandwidth) { return {devices(2, 1, bandwidth), mlp(8, 800, 480, 240, 1024)}; }

}  // namespace

cluster::Cluster devices(int hosts, int per_host, double bandwidth, double memory) {
  cluster::Cluster c;
  c.hosts = hosts;
  c.devices_per_host = per_host;
  c.device.peak = {{ir::DType::kF32, base::FlopsPerSecond(1e12)}};
  c.device.memory = base::Bytes(memory);
  c.device.memory_bandwidth = base::BytesPerSecond(500e9);
  c.device.launch = base::Seconds(1e-6);
  c.intra = c.inter = {base::Seconds(2e-6), base::BytesPerSecond(bandwidth), ""};
  return c;
}

const std::vector<Family>& families() {
  static const std::vector<Family> all = {
      {"Samples",
       Parallelism::kTensor,
       Parallelism::kData,
       {64, 128, 256, 512, 1024, 2048, 4096, 8192},
       samples},
      {"Memory", Parallelism::kData, Parallelism::kZero, {160, 140, 124, 118, 114, 112, 111, 110}, memory},
      {"Widths",
       Parallelism::kData,
       Parallelism::kTensor,
       {96, 104, 112, 128, 144, 1152, 1536, 1920},
       widths},
      {"Links",
       Parallelism::kData,
       Parallelism::kPipeline,
       {32e9, 24e9, 16e9, 12e9, 8e9, 1.8e9, 1.5e9, 1e9},
       links},
  };
  return all;
}

std::optional<Found> ask(const std::string& planner, const Point& point) {
  const auto step = models::build_train_step(point.model);
  try {
    const auto plan =
        planner::plan(step, point.cluster, {.name = planner, .microbatches = point.microbatches});
    return Found{planner, plan.step.value, dominant(plan, step)};
  } catch (const base::Error& e) {
    if (e.kind() == base::ErrorKind::kInternal) throw;
    return std::nullopt;
  }
}

std::vector<std::string> others(const Point& point) {
  std::vector<std::string> out{"single", "data", "zero-2", "zero-3", "tensor"};
  for (int stages = 2; stages <= point.cluster.num_devices(); stages *= 2)
    for (const char* schedule : {"1f1b", "gpipe"})
      out.push_back(fmt::format("pipeline:stages={},schedule={}", stages, schedule));
  return out;
}

}  // namespace cordata::tests
