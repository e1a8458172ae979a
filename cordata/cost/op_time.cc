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

// Into how many shards an op of those sizes cuts the whole op; nothing where they are no shard's.
std::optional<double> shards_of(const ir::Graph& graph, const ir::Node& node, const ir::FactorRule& rule,
                                const OpSizes& sizes) {
  std::vector<int64_t> whole(rule.factors.size()), local(rule.factors.size(), 0);
  for (size_t f = 0; f < whole.size(); ++f) whole[f] = rule.factors[f].size;
  size_t at = 0;
  const auto read = [&](ir::ValueId v, const ir::TensorFactors& tensor) {
    const auto& shape = graph.type(v).shape;
    if (at + shape.size() >= sizes.size() || sizes[at++] != -1) return false;
    for (size_t d = 0; d < shape.size(); ++d) {
      const int64_t n = sizes[at++];
      if (n <= 0 || shape[d] % n != 0) return false;
      if (n == shape[d] && (d >= tensor.size() || tensor[d].empty())) continue;
      if (d >= tensor.size() || tensor[d].empty()) return false;
      const int f = tensor[d].front();  // only the major-most is cut
      const int64_t part = whole[f] * n / shape[d];
      if (part <= 0 || (local[f] != 0 && local[f] != part)) return false;
      local[f] = part;
    }
    return true;
  };
  for (size_t k = 0; k < node.operands.size(); ++k)
    if (!read(node.operands[k], rule.operands[k])) return {};
  for (int r = 0; r < node.num_results; ++r)
    if (!read(node.result(r), rule.results[r])) return {};
  if (at != sizes.size()) return {};
  double shards = 1;
  for (size_t f = 0; f < whole.size(); ++f)
    if (local[f] != 0) shards *= static_cast<double>(whole[f]) / static_cast<double>(local[f]);
  return shards;
}

// What a profile says of the op.
void take_measured(OpTime& t, Measured known, const ir::Graph& graph, const ir::Node& node) {
  if (const auto seconds = known.of(op_sizes(graph, node))) t.seconds = *seconds, t.launch = 0;
  known.least = t.seconds;
  const auto rule = ir::factor_rule(graph, node);
  for (const auto& [sizes, seconds] : *known.times)
    if (const auto shards = shards_of(graph, node, rule, sizes))
      known.least = std::min(known.least, seconds * known.pace * *shards);
  t.measured = known;
}

const std::map<std::string, MeasuredTimes>* profile_of(const cluster::Device& device) {
  return device.profile.empty() ? nullptr : &profiled_ops(device.profile, device.kind);
}

}  // namespace

std::vector<OpTime> op_times(const ir::Graph& graph, const cluster::Device& device,
                             const std::vector<int>& modules) {
  const Fusion fusion = fuse(graph, device.merges_kernels, modules);
  const auto* profile = profile_of(device);
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
      if (profile && !t.fused && can_be_profiled(graph, node))
        if (const auto known = profile->find(op_form(graph, node)); known != profile->end())
          take_measured(t, {&known->second, 1 / device.speed}, graph, node);
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
      auto& measured = slowest[i].measured;
      if (measured.times != times[i].measured.times) measured = {};  // no one's, then
      measured.pace = std::max(measured.pace, times[i].measured.pace);
      measured.least = std::max(measured.least, times[i].measured.least);
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
