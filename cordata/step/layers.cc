// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <limits>

#include "cordata/step/cut.h"

namespace cordata::step {
namespace {

constexpr int kNoLayer = -1;

// What the layer of backward ops is found from, by value.
struct Reach {
  std::vector<int>
      highest_reader;  // of forward values and arguments: the highest layer of a forward op that reads it
  std::vector<int> backward_layer;  // of values made by backward ops
};

// The layer of one backward op. The residuals it reads belong to the highest layer that uses them in the
// forward pass; never above the lowest layer among its cotangents, so that gradients only flow towards lower
// layers.
int backward_layer(const ir::Graph& g, const ir::Node& node, const Reach& reach) {
  int residual = kNoLayer;
  int cotangent = std::numeric_limits<int>::max();
  const auto read = [&](ir::ValueId v) {
    residual = std::max(residual, reach.highest_reader[v.index]);
    if (reach.backward_layer[v.index] != kNoLayer)
      cotangent = std::min(cotangent, reach.backward_layer[v.index]);
  };
  for (ir::ValueId v : node.operands) read(v);
  for (ir::ValueId v : ir::captures(g, node)) read(v);
  if (cotangent == std::numeric_limits<int>::max()) return residual;
  return residual == kNoLayer ? cotangent : std::min(residual, cotangent);
}

}  // namespace

Layers extend_to_backward(const JointStep& joint, const Layers& forward) {
  const ir::Graph& g = joint.graph;
  Reach reach{std::vector<int>(g.num_values(), kNoLayer), std::vector<int>(g.num_values(), kNoLayer)};
  Layers layers(g.ops().size(), kNoLayer);

  for (size_t i = 0; i < g.ops().size(); ++i) {
    if (joint.phase[i] != Phase::kForward) continue;
    layers[i] = forward[i];
    const ir::Node& node = g.node(g.ops()[i]);
    for (ir::ValueId v : node.operands)
      reach.highest_reader[v.index] = std::max(reach.highest_reader[v.index], forward[i]);
    for (ir::ValueId v : ir::captures(g, node))
      reach.highest_reader[v.index] = std::max(reach.highest_reader[v.index], forward[i]);
    // What the forward pass makes and only the backward pass reads stays where it was made.
    for (int r = 0; r < node.num_results; ++r) {
      int& highest = reach.highest_reader[node.result(r).index];
      highest = std::max(highest, forward[i]);
    }
  }
  for (size_t i = 0; i < g.ops().size(); ++i) {
    if (joint.phase[i] != Phase::kBackward && joint.phase[i] != Phase::kAccumulate) continue;
    const ir::Node& node = g.node(g.ops()[i]);
    layers[i] = backward_layer(g, node, reach);
    for (int r = 0; r < node.num_results; ++r) reach.backward_layer[node.result(r).index] = layers[i];
  }
  return layers;
}

}  // namespace cordata::step
