// SPDX-License-Identifier: Apache-2.0
#include "cordata/cost/op_time.h"

#include <algorithm>

#include "cordata/cost/fusion.h"
#include "cordata/ir/op_table.h"

namespace cordata::cost {
namespace {

double peak(const cluster::Device& device, ir::DType type) {
  if (const auto it = device.peak.find(type); it != device.peak.end()) return it->second.value;
  if (const auto it = device.peak.find(ir::DType::kF32); it != device.peak.end()) return it->second.value;
  return device.peak.begin()->second.value;
}

void take_longer(std::vector<double>& times, const std::vector<double>& other) {
  for (size_t i = 0; i < times.size(); ++i) times[i] = std::max(times[i], other[i]);
}

}  // namespace

std::vector<OpTime> op_times(const ir::Graph& graph, const cluster::Device& device,
                             const std::vector<int>& modules) {
  const Fusion fusion = fuse(graph, device.merges_kernels, modules);
  std::vector<OpTime> out;
  for (size_t i = 0; i < graph.ops().size(); ++i) {
    const auto& node = graph.node(graph.ops()[i]);
    OpTime t;
    t.fused = fusion.fused[i];
    if (!orders_only(node) && !ir::is_constant_like(node.kind)) {
      const auto type = node.operands.empty() ? ir::DType::kF32 : graph.type(node.operands[0]).dtype;
      const double rate = device.memory_bandwidth.value * device.speed;
      double moved = 0;
      for (const double bytes : fusion.read[i]) moved += t.read.emplace_back(bytes / rate);
      for (const double bytes : fusion.written[i]) moved += t.written.emplace_back(bytes / rate);
      t.compute = ir::flops(graph, node).value / (peak(device, type) * device.efficiency * device.speed);
      t.serial = 1 - device.overlap;
      t.seconds = roofline(t.compute, moved, t.serial);
      t.launch = t.fused || t.seconds == 0 ? 0 : device.launch.value / device.speed;
    }
    out.push_back(t);
  }
  return out;
}

std::vector<OpTime> op_times(const ir::Graph& graph, const cluster::Cluster& cluster,
                             const std::vector<int>& kinds, const std::vector<int>& modules) {
  std::vector<OpTime> slowest;
  for (const int kind : kinds) {
    auto times = op_times(graph, cluster.device_at(kind), modules);
    if (slowest.empty()) slowest = times;
    for (size_t i = 0; i < times.size(); ++i) {
      slowest[i].seconds = std::max(slowest[i].seconds, times[i].seconds);
      slowest[i].compute = std::max(slowest[i].compute, times[i].compute);
      slowest[i].serial = std::max(slowest[i].serial, times[i].serial);
      slowest[i].launch = std::max(slowest[i].launch, times[i].launch);
      take_longer(slowest[i].read, times[i].read);
      take_longer(slowest[i].written, times[i].written);
    }
  }
  return slowest;
}

double slowdown(const cluster::Cluster& cluster, int devices) {
  const double cores = cluster.num_devices() / cluster.cores_shared_by;
  return cluster.cores_shared_by > 1 ? std::max(1.0, devices / cores) : 1.0;
}

}  // namespace cordata::cost
