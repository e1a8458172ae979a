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

}  // namespace

std::vector<OpTime> op_times(const ir::Graph& graph, const cluster::Cluster& cluster,
                             const std::vector<int>& part) {
  const Fusion fusion = fuse(graph, cluster.device.merges_kernels, part);
  std::vector<OpTime> out;
  for (size_t i = 0; i < graph.ops().size(); ++i) {
    const auto& node = graph.node(graph.ops()[i]);
    OpTime t;
    t.fused = fusion.fused[i];
    if (!orders_only(node) && !ir::is_constant_like(node.kind)) {
      const auto type = node.operands.empty() ? ir::DType::kF32 : graph.type(node.operands[0]).dtype;
      t.compute = ir::flops(graph, node).value / (peak(cluster.device, type) * cluster.device.efficiency);
      t.seconds = std::max(t.compute, fusion.bytes[i] / cluster.device.memory_bandwidth.value);
      t.launch = t.fused ? 0 : cluster.device.launch.value;
    }
    out.push_back(t);
  }
  return out;
}

std::vector<OpTime> op_times(const step::StageGraph& stage, const cluster::Cluster& cluster) {
  std::vector<int> part;
  for (const auto& pass : stage.pass) part.push_back(static_cast<int>(pass.phase) + 16 * pass.round);
  return op_times(stage.graph, cluster, part);
}

double slowdown(const cluster::Cluster& cluster, int devices) {
  const double cores = cluster.num_devices() / cluster.cores_shared_by;
  return cluster.cores_shared_by > 1 ? std::max(1.0, devices / cores) : 1.0;
}

}  // namespace cordata::cost
