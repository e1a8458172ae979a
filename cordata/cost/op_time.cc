// SPDX-License-Identifier: Apache-2.0
#include "cordata/cost/op_time.h"

#include <algorithm>
#include <numeric>

#include "cordata/ir/op_table.h"

namespace cordata::cost {
namespace {

// One tensor in, one tensor of the same shape out, no sum: by its rule, not its name.
bool elementwise(const ir::Graph& graph, const ir::Node& node, const ir::FactorRule& rule) {
  if (node.num_results != 1 || rule.replicated_only() || !node.regions.empty()) return false;
  const auto& shape = graph.type(node.result()).shape;
  const auto same = [&](ir::ValueId v) {
    return graph.type(v).shape == shape || graph.type(v).shape.empty();
  };
  const auto pass = [](const ir::Factor& f) { return f.kind == ir::FactorKind::kPass; };
  return std::all_of(node.operands.begin(), node.operands.end(), same) &&
         std::all_of(rule.factors.begin(), rule.factors.end(), pass);
}

double peak(const cluster::Device& device, ir::DType type) {
  if (const auto it = device.peak.find(type); it != device.peak.end()) return it->second.value;
  if (const auto it = device.peak.find(ir::DType::kF32); it != device.peak.end()) return it->second.value;
  return device.peak.begin()->second.value;
}

// A part of its first operand, which alone is read.
bool is_slice(const ir::Node& node) {
  return node.kind == ir::OpKind::kSlice || node.kind == ir::OpKind::kDynamicSlice;
}

// Hands values on, and only says what comes first.
bool orders_only(const ir::Node& node) {
  return node.kind == ir::OpKind::kAfter ||
         (node.kind == ir::OpKind::kOptimizationBarrier && node.operands.size() > 1);
}

void take_longer(std::vector<double>& times, const std::vector<double>& other) {
  for (size_t i = 0; i < times.size(); ++i) times[i] = std::max(times[i], other[i]);
}

}  // namespace

std::vector<OpTime> op_times(const ir::Graph& graph, const cluster::Device& device,
                             const std::vector<int>& modules) {
  auto readers = ir::users(graph);
  const auto is_its_own_sum = [&](const ir::Node& node) {
    return modules.empty() && node.kind == ir::OpKind::kAccumulate;
  };
  std::vector<char> simple(graph.num_nodes(), 0), free(graph.num_nodes(), 0);
  std::vector<char> leaves(graph.num_values(), 0);
  for (const auto v : graph.results()) leaves[v.index] = 1;
  std::vector<ir::NodeId> own_sums;  // whoever reads one reads what is summed
  for (const auto id : graph.ops())
    if (is_its_own_sum(graph.node(id))) own_sums.push_back(id);
  for (const auto id : own_sums) {
    const auto& node = graph.node(id);
    const auto summed = node.operands[0].index, sum = node.result().index;
    std::erase(readers[summed], id);
    readers[summed].insert(readers[summed].end(), readers[sum].begin(), readers[sum].end());
    leaves[summed] |= leaves[sum];
  }
  std::vector<char> fused(graph.num_values(), 0);
  for (const auto id : graph.ops()) {
    const auto& node = graph.node(id);
    simple[id.index] = is_slice(node) || (!orders_only(node) && !is_its_own_sum(node) &&
                                          elementwise(graph, node, ir::factor_rule(graph, node)));
    free[id.index] = ir::is_constant_like(node.kind);
  }
  std::vector<int> module_of(graph.num_nodes(), 0);
  for (size_t i = 0; i < modules.size(); ++i) module_of[graph.ops()[i].index] = modules[i];
  for (const auto id : graph.ops()) {
    const auto& node = graph.node(id);
    if (!simple[id.index]) continue;
    const auto& users = readers[node.result().index];
    const bool returned = leaves[node.result().index];
    fused[node.result().index] = !returned && users.size() == 1 && simple[users[0].index] &&
                                 module_of[users[0].index] == module_of[id.index];
  }
  for (const auto id : own_sums)
    fused[graph.node(id).result().index] = fused[graph.node(id).operands[0].index];
  std::vector<OpTime> out;
  for (const auto id : graph.ops()) {
    const auto& node = graph.node(id);
    OpTime t;
    if (orders_only(node) || is_its_own_sum(node)) {
      t.fused = node.kind != ir::OpKind::kOptimizationBarrier;
    } else if (!free[id.index]) {
      const double rate = device.memory_bandwidth.value * device.speed;
      const auto moving = [&](ir::ValueId v) {
        return static_cast<double>(graph.type(v).num_bytes()) / rate;
      };
      for (const auto v : node.operands) {
        const auto def = graph.value(v).def;
        const auto read = is_slice(node) && v == node.operands[0] ? node.result() : v;
        t.read.push_back(fused[v.index] || (def.valid() && free[def.index]) ? 0 : moving(read));
      }
      for (int r = 0; r < node.num_results; ++r)
        t.written.push_back(fused[node.result(r).index] ? 0 : moving(node.result(r)));
      if (node.kind == ir::OpKind::kAccumulate) t.written[0] += moving(node.result());  // the sum before
      const double moved = std::accumulate(t.read.begin(), t.read.end(), 0.0) +
                           std::accumulate(t.written.begin(), t.written.end(), 0.0);
      const auto type = node.operands.empty() ? ir::DType::kF32 : graph.type(node.operands[0]).dtype;
      t.fused = node.num_results == 1 && fused[node.result().index];
      t.seconds = std::max(
          ir::flops(graph, node).value / (peak(device, type) * device.efficiency * device.speed), moved);
      t.launch = t.fused ? 0 : device.launch.value / device.speed;
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
