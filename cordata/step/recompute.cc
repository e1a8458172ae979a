// SPDX-License-Identifier: Apache-2.0
#include "cordata/step/recompute.h"

#include <algorithm>

#include "cordata/ir/op_table.h"
#include "cordata/step/summed.h"

namespace cordata::step {
namespace {

using ir::OpKind;
using ir::ValueId;

bool random(const ir::Node& node) {
  return node.kind == OpKind::kRng || node.kind == OpKind::kRngBitGenerator;
}

// Matmuls, convolutions and sums, whose results are dear or small: by their rule, not their name.
bool contracts(const ir::Graph& graph, const ir::Node& node) {
  const auto rule = ir::factor_rule(graph, node);
  return node.operands.size() >= 2 &&
         std::any_of(rule.factors.begin(), rule.factors.end(),
                     [](const ir::Factor& f) { return f.kind == ir::FactorKind::kReduce; });
}

class Finder {
 public:
  Finder(const JointStep& joint, const Layers& layers, const std::vector<Remat>& by_layer)
      : joint_(joint),
        g_(joint.graph),
        layers_(layers),
        by_layer_(by_layer),
        maker_(g_.num_values(), -1),
        varies_(g_.num_values(), false),
        only_summed_(only_summed(joint)),
        out_{std::vector<bool>(g_.ops().size(), false), std::vector<bool>(g_.num_values(), false),
             std::vector<bool>(g_.num_values(), false), std::vector<std::vector<int>>(by_layer.size())} {}

  Recompute run() {
    note_args();
    for (int i = 0; i < num_ops(); ++i) note_makes(i);
    for (int i = 0; i < num_ops(); ++i) note_reads(i);
    for (ValueId v : g_.results()) keep_all(maker_[v.index]);
    for (int i = num_ops(); i-- > 0;) want_reads(i);
    return std::move(out_);
  }

 private:
  int num_ops() const { return static_cast<int>(g_.ops().size()); }
  const ir::Node& op(int i) const { return g_.node(g_.ops()[i]); }
  bool backward(int i) const { return joint_.phase[i] == Phase::kBackward; }
  Remat remat(int layer) const { return layer < 0 ? Remat::kNone : by_layer_.at(layer); }

  // Batch inputs are at hand whenever they are asked for, so what is made of them could be made too early.
  void note_args() {
    for (size_t a = 0; a < g_.args().size(); ++a) {
      varies_[g_.args()[a].index] = true;
      out_.waits[g_.args()[a].index] = joint_.args[a].role == Role::kBatch;
    }
  }

  void note_makes(int i) {
    const ir::Node& node = op(i);
    const auto from = reads(g_, node);
    const bool alone = ir::has_side_effect(node) || random(node) || node.kind == OpKind::kAccumulate;
    const bool varies =
        alone || std::any_of(from.begin(), from.end(), [&](ValueId v) { return varies_[v.index]; });
    const bool dear = remat(layers_[i]) == Remat::kSelective && contracts(g_, node);
    for (int r = 0; r < node.num_results; ++r) {
      const int v = node.result(r).index;
      maker_[v] = i;
      varies_[v] = varies;
      out_.kept[v] = alone || dear || joint_.phase[i] != Phase::kForward;
      out_.waits[v] = varies;
    }
  }

  // A new state is made once.
  void keep_all(int maker) {
    for (int r = 0; maker >= 0 && r < op(maker).num_results; ++r) out_.kept[op(maker).result(r).index] = true;
  }

  // What other layers read is kept; what comes from a higher layer's backward pass is a cotangent.
  void note_reads(int i) {
    for (ValueId v : reads(g_, op(i))) {
      const int from = maker_[v.index];
      if (from < 0 || !varies_[v.index]) continue;
      const bool same_layer = layers_[i] == layers_[from];
      if (!same_layer || joint_.phase[i] == Phase::kAccumulate || joint_.phase[i] == Phase::kApply)
        out_.kept[v.index] = true;
      if (!backward(i) || !backward(from) || only_summed_[i] || remat(layers_[i]) == Remat::kNone) continue;
      auto& arrives = out_.arrives[layers_[i]];
      if (layers_[from] > layers_[i] && std::find(arrives.begin(), arrives.end(), v.index) == arrives.end())
        arrives.push_back(v.index);
    }
  }

  // Readers stand after what they read, so in reverse all readers of a value come before its maker.
  void want_reads(int i) {
    const int layer = layers_[i];
    if (remat(layer) == Remat::kNone || out_.arrives[layer].empty()) return;
    if (!backward(i) && !out_.again[i]) return;
    for (ValueId v : reads(g_, op(i))) {
      const int from = maker_[v.index];
      if (from >= 0 && varies_[v.index] && !out_.kept[v.index] && layers_[from] == layer)
        out_.again[from] = true;
    }
  }

  const JointStep& joint_;
  const ir::Graph& g_;
  const Layers& layers_;
  const std::vector<Remat>& by_layer_;
  std::vector<int> maker_;    // by value: the op that makes it, -1: an argument
  std::vector<bool> varies_;  // by value: it depends on an argument; others are made wherever they are read
  std::vector<bool> only_summed_;
  Recompute out_;
};

}  // namespace

std::vector<ValueId> reads(const ir::Graph& graph, const ir::Node& node) {
  std::vector<ValueId> all = node.operands;
  for (ValueId c : ir::captures(graph, node)) all.push_back(c);
  return all;
}

Recompute find_recompute(const JointStep& joint, const Layers& layers, const std::vector<Remat>& by_layer) {
  return Finder(joint, layers, by_layer).run();
}

}  // namespace cordata::step
