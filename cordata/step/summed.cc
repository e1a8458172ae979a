// SPDX-License-Identifier: Apache-2.0
#include "cordata/step/summed.h"

#include <algorithm>

#include "cordata/ir/op_table.h"

namespace cordata::step {

using ir::OpKind;

bool is_float_add(const ir::Graph& graph, const ir::Node& node) {
  return node.kind == OpKind::kAdd && ir::is_float(graph.type(node.result()).dtype);
}

bool may_be_linear(OpKind kind) {
  return kind == OpKind::kAccumulate || kind == OpKind::kConvert || kind == OpKind::kDivide ||
         kind == OpKind::kMultiply || kind == OpKind::kNegate || kind == OpKind::kReshape ||
         kind == OpKind::kTranspose;
}

std::vector<bool> only_summed(const JointStep& joint) {
  const ir::Graph& g = joint.graph;
  const auto users = ir::users(g);
  std::vector<bool> of_node(g.num_nodes(), false), out(g.ops().size(), false);
  for (size_t i = g.ops().size(); i-- > 0;) {
    const ir::NodeId id = g.ops()[i];
    const ir::Node& node = g.node(id);
    if (joint.phase[i] == Phase::kAccumulate) of_node[id.index] = true;
    if (joint.phase[i] != Phase::kBackward || node.num_results != 1) continue;
    if (!is_float_add(g, node) && !may_be_linear(node.kind)) continue;
    const auto& readers = users[node.result().index];
    out[i] = of_node[id.index] =
        !readers.empty() &&
        std::all_of(readers.begin(), readers.end(), [&](ir::NodeId n) { return of_node[n.index]; });
  }
  return out;
}

}  // namespace cordata::step
