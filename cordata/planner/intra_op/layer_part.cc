// SPDX-License-Identifier: Apache-2.0
#include "cordata/planner/intra_op/layer_part.h"

#include <algorithm>
#include <set>

namespace cordata::planner {
namespace {

bool rests_there(const StageView& layer, size_t a) {
  using step::ArgKind;
  const auto& arg = layer.arg_kinds[a];
  const bool kept =
      arg.kind == ArgKind::kParam || arg.kind == ArgKind::kOptState || arg.kind == ArgKind::kState;
  return kept && arg.owner && !layer.values[layer.args[a]].shape.empty();
}

// Own ops, and constants on the way to them.
std::vector<bool> kept_ops(const StageView& layer, const std::vector<bool>& own) {
  std::vector<bool> read(layer.values.size(), false), out(layer.ops.size(), false);
  for (size_t i = layer.ops.size(); i-- > 0;) {
    const auto& op = layer.ops[i];
    const bool asked = std::any_of(op.results.begin(), op.results.end(), [&](int v) { return read[v]; });
    out[i] = op.constant_like ? asked : own[i];
    if (out[i])
      for (const int v : op.operands) read[v] = true;
  }
  return out;
}

}  // namespace

std::vector<bool> own_ops(const step::StageGraph& layer, const ir::Graph& joint, const step::Homes& homes) {
  std::vector<bool> out;
  std::set<int> seen;
  for (size_t i = 0; i < layer.origin.size(); ++i) {
    const int from = layer.origin[i];
    const bool same =
        from >= 0 && joint.node(joint.ops()[from]).kind == layer.graph.node(layer.graph.ops()[i]).kind;
    out.push_back(same && homes.op[from].kind == step::Home::Kind::kStage && seen.insert(from).second);
  }
  return out;
}

StageView layer_part(const StageView& layer, const std::vector<bool>& own, std::vector<int>* places) {
  StageView out;
  out.microbatches = layer.microbatches, out.whole_step = layer.whole_step;
  std::vector<int> number(layer.values.size(), -1);
  const auto renumber = [&](int v) {
    if (number[v] < 0) {
      number[v] = static_cast<int>(out.values.size());
      out.values.push_back(layer.values[v]);
      if (!layer.held.empty()) out.held.push_back({StageView::kReaders, layer.held[v].times});
    }
    return number[v];
  };
  const auto kept = kept_ops(layer, own);
  for (size_t i = 0; i < layer.ops.size(); ++i) {
    if (!kept[i]) continue;
    auto& op = out.ops.emplace_back(layer.ops[i]);
    if (places) places->push_back(static_cast<int>(i));
    op.pass.round = 0, op.time = 0;  // depend on where other layers are
    for (int& v : op.operands) v = renumber(v);
    for (int& v : op.results) v = renumber(v);
  }
  for (size_t a = 0; a < layer.args.size(); ++a) {
    if (!rests_there(layer, a)) continue;
    out.args.push_back(renumber(layer.args[a]));
    out.arg_kinds.push_back(layer.arg_kinds[a]);
  }
  std::set<int> leaving;
  for (size_t r = 0; r < layer.results.size(); ++r) {
    const auto& result = layer.result_kinds[r];
    const int v = number[layer.results[r]];
    if (v < 0) continue;
    if (result.kind != step::ResultKind::kSent) out.results.push_back(v), out.result_kinds.push_back(result);
    leaving.insert(v);
  }
  for (const int v : leaving)
    out.results.push_back(v), out.result_kinds.push_back({step::ResultKind::kSent, 0});
  return out;
}

}  // namespace cordata::planner
