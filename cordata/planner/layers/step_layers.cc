// SPDX-License-Identifier: Apache-2.0
#include "cordata/planner/layers/step_layers.h"

#include <algorithm>

#include "cordata/ir/op_table.h"
#include "cordata/planner/layers/cluster_layers.h"

namespace cordata::planner {

StepLayers step_layers(const step::JointStep& joint, int wanted, int devices) {
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
  if (wanted == 0)
    wanted = forward.size() <= 16 ? static_cast<int>(forward.size())
                                  : std::max(1, std::min({heavy, std::max(8, 2 * devices), 16}));
  const auto layer = cluster_layers(flops, cut, std::max(1, wanted));
  step::Layers out(graph.ops().size(), -1);
  for (size_t k = 0; k < forward.size(); ++k) out[forward[k]] = layer[k];
  return {step::extend_to_backward(joint, out), layer.empty() ? 1 : layer.back() + 1};
}

}  // namespace cordata::planner
