// SPDX-License-Identifier: Apache-2.0
#include "cordata/planner/layers/step_layers.h"

#include <algorithm>
#include <numeric>

#include "cordata/ir/op_table.h"
#include "cordata/planner/layers/cluster_layers.h"
#include "cordata/planner/layers/repeats.h"

namespace cordata::planner {
namespace {

// What an op does and how far its nearest operand is, whatever its sizes: alike for the same op of two blocks
// (what all blocks read, a mask, is nearer to the first).
uint64_t sign_of(const ir::Graph& graph, const ir::Node& node, int at, const std::vector<int>& place) {
  uint64_t h = static_cast<uint64_t>(node.kind);
  const auto mix = [&](uint64_t v) {
    h = (h ^ v) * 0x9E3779B97F4A7C15ull;
    h ^= h >> 29;
  };
  for (int r = 0; r < node.num_results; ++r) {
    const auto& type = graph.type(node.result(r));
    mix(type.shape.size()), mix(static_cast<uint64_t>(type.dtype));
  }
  int nearest = -1;
  for (const auto v : node.operands)
    if (const auto def = graph.value(v).def; def.valid()) nearest = std::max(nearest, place[def.index]);
  mix(node.operands.size()), mix(nearest < 0 ? 0 : static_cast<uint64_t>(at - nearest));
  return h;
}

// Blocks that repeat become layers, `group` at a time; cut where the fewest bytes cross. What comes before
// the first is part of it; what comes after the last is a layer of its own if it has at least a third of a
// block's FLOPs.
std::vector<int> layers_of_blocks(const Repeats& blocks, int group, const std::vector<double>& flops,
                                  const std::vector<double>& cut) {
  const int n = static_cast<int>(flops.size()), end = blocks.begin + blocks.count * blocks.period;
  const auto bytes = [&](int shift) {  // of a cut, on average
    double sum = 0;
    for (int b = 1; b < blocks.count; ++b) sum += cut[blocks.begin + shift + (b - 1) * blocks.period];
    return sum / (blocks.count - 1);
  };
  int shift = 0;
  for (int s = 1; s < blocks.period; ++s)
    if (bytes(s) < bytes(shift)) shift = s;
  // The first block may differ a little from those that follow.
  int first = blocks.begin + shift;
  if (first >= blocks.period && cut[first - blocks.period] <= bytes(shift)) first -= blocks.period;
  for (int s = 0; s < blocks.period;
       ++s) {  // of equal cuts the one that leaves the least before the first block
    const int at = (blocks.begin + s) % blocks.period;
    if (bytes(s) <= bytes(shift) && at < first && cut[at] <= bytes(shift)) first = at;
  }
  const int count = (end - first) / blocks.period;  // whole blocks
  std::vector<int> layer(n);
  const auto begin = [&](int b) { return first + b * blocks.period; };
  const double block = std::accumulate(flops.begin() + begin(0), flops.begin() + begin(1), 0.0);
  const double before = std::accumulate(flops.begin(), flops.begin() + first, 0.0);
  const double after = std::accumulate(flops.begin() + begin(count), flops.end(), 0.0);
  int next = before >= block / 3 ? 1 : 0;  // an embedding that is a matmul, half a block
  std::fill(layer.begin(), layer.begin() + first, 0);
  for (int b = 0; b < count; ++b)
    std::fill(layer.begin() + begin(b), layer.begin() + begin(b + 1), next + b / group);
  next += (count + group - 1) / group;
  std::fill(layer.begin() + begin(count), layer.end(), after >= block / 3 ? next : next - 1);
  return layer;
}

}  // namespace

StepLayers step_layers(const step::JointStep& joint, int wanted, int devices, bool each_block) {
  const auto& graph = joint.graph;
  std::vector<int> forward;
  for (size_t i = 0; i < graph.ops().size(); ++i)
    if (joint.phase[i] == step::Phase::kForward && !ir::is_constant_like(graph.node(graph.ops()[i]).kind))
      forward.push_back(static_cast<int>(i));
  std::vector<int> place(graph.num_nodes(), -1);
  for (size_t k = 0; k < forward.size(); ++k) place[graph.ops()[forward[k]].index] = static_cast<int>(k);
  const auto readers = ir::users(graph);
  std::vector<double> flops, cut(forward.size(), 0);
  int heavy = 0;
  for (size_t k = 0; k < forward.size(); ++k) {
    const auto& node = graph.node(graph.ops()[forward[k]]);
    flops.push_back(ir::flops(graph, node).value);
    const auto rule = ir::factor_rule(graph, node);
    heavy += node.operands.size() >= 2 &&
             std::any_of(rule.factors.begin(), rule.factors.end(),
                         [](const ir::Factor& f) { return f.kind == ir::FactorKind::kReduce; });
    for (int r = 0; r < node.num_results; ++r) {
      int last = static_cast<int>(k);
      for (const auto u : readers[node.result(r).index]) last = std::max(last, place[u.index]);
      for (int p = static_cast<int>(k) + 1; p <= last; ++p)
        cut[p] += static_cast<double>(graph.type(node.result(r)).num_bytes());
    }
  }
  std::vector<uint64_t> signs;
  for (size_t k = 0; k < forward.size() && wanted == 0; ++k)
    signs.push_back(sign_of(graph, graph.node(graph.ops()[forward[k]]), static_cast<int>(k), place));
  const Repeats blocks = find_repeats(signs);
  const int most = devices <= 8 ? 16 : devices <= 512 ? 64 : 128;
  if (blocks.count >= std::min(most, 12)) {
    const int group = each_block ? 1 : (blocks.count + most - 1) / most;
    const auto layer = layers_of_blocks(blocks, group, flops, cut);
    step::Layers out(graph.ops().size(), -1);
    for (size_t k = 0; k < forward.size(); ++k) out[forward[k]] = layer[k];
    return {step::extend_to_backward(joint, out), layer.back() + 1};
  }
  if (wanted == 0)
    wanted = forward.size() <= 16 ? static_cast<int>(forward.size())
                                  : std::max(1, std::min({heavy, std::max(8, 2 * devices), 16}));
  const auto layer = cluster_layers(flops, cut, std::max(1, wanted));
  step::Layers out(graph.ops().size(), -1);
  for (size_t k = 0; k < forward.size(); ++k) out[forward[k]] = layer[k];
  return {step::extend_to_backward(joint, out), layer.empty() ? 1 : layer.back() + 1};
}

}  // namespace cordata::planner
