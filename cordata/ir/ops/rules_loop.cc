// SPDX-License-Identifier: Apache-2.0
// A loop is sharded along dims of its carried values that every op of its condition and body passes through,
// such as the counters that JAX's random bits are made from, round by round: each device then runs the same
// loop over its block, without a word to the others.
#include <map>
#include <numeric>

#include "cordata/ir/builder.h"
#include "cordata/ir/ops/control.h"
#include "cordata/ir/ops/rules.h"

namespace cordata::ir::ops {
namespace {

constexpr size_t kMostFactors =
    8;  // strategies grow with them; loops carry few big dims of different extents

// The dims of all values inside a loop, in classes: those that one factor of an inner op goes through are
// one.
class LoopDims {
 public:
  LoopDims(const Graph& graph, std::span<const RegionId> regions)
      : graph_(graph), first_(graph.num_values(), -1) {
    for (RegionId r : regions) enter(graph.region(r));
    const Region &cond = graph.region(regions[0]), &body = graph.region(regions[1]);
    for (size_t i = 0; i < body.args.size(); ++i) {
      for (size_t d = 0; d < graph.type(body.args[i]).shape.size(); ++d) {
        tie(at(body.args[i], d), at(cond.args[i], d));
        tie(at(body.args[i], d), at(body.results[i], d));
      }
    }
    for (RegionId r : regions) {
      for (NodeId n : graph.region(r).nodes) follow(graph.node(n));
    }
    for (ValueId v : values_) keep_dims_apart(v);
  }

  // The class of a dim; -1: it must be whole.
  int of(ValueId v, size_t dim) {
    const int root = find(at(v, dim));
    return whole_[root] ? -1 : root;
  }

 private:
  int at(ValueId v, size_t dim) const { return first_[v.index] + static_cast<int>(dim); }

  void enter(const Region& region) {
    for (ValueId v : region.args) enter(v);
    for (NodeId n : region.nodes) {
      for (int r = 0; r < graph_.node(n).num_results; ++r) enter(graph_.node(n).result(r));
    }
  }
  void enter(ValueId v) {
    values_.push_back(v);
    first_[v.index] = static_cast<int>(parent_.size());
    parent_.resize(parent_.size() + graph_.type(v).shape.size());
    std::iota(parent_.begin() + first_[v.index], parent_.end(), first_[v.index]);
    whole_.resize(parent_.size(), false);
  }

  int find(int x) {
    while (parent_[x] != x) x = parent_[x] = parent_[parent_[x]];
    return x;
  }
  void tie(int x, int y) {
    x = find(x), y = find(y);
    parent_[y] = x;
    whole_[x] = whole_[x] || whole_[y];
  }

  // Ops that would have to know which block they have, or that run regions of their own, see whole values.
  void follow(const Node& node) {
    const Attribute* value = node.kind == OpKind::kConstant ? Graph::find_attr(node, "value") : nullptr;
    const bool plain = node.regions.empty() && (!row(node.kind).localize || (value && value->dense().splat));
    const FactorRule rule = plain ? factor_rule(graph_, node) : replicated_rule(NodeView(graph_, node).view);
    std::map<int, int> dim_of;  // by factor: a dim that it stands in
    const auto visit = [&](ValueId v, const TensorFactors& factors) {
      for (size_t d = 0; d < factors.size(); ++d) {
        const bool passes = factors[d].size() == 1 && rule.factors[factors[d][0]].kind == FactorKind::kPass;
        if (passes)
          tie(dim_of.try_emplace(factors[d][0], at(v, d)).first->second, at(v, d));
        else
          whole_[find(at(v, d))] = true;
      }
    };
    for (size_t i = 0; i < node.operands.size(); ++i) visit(node.operands[i], rule.operands[i]);
    for (int r = 0; r < node.num_results; ++r) visit(node.result(r), rule.results[r]);
    for (ValueId v : captures(graph_, node)) {
      for (size_t d = 0; d < graph_.type(v).shape.size(); ++d) whole_[find(at(v, d))] = true;
    }
  }

  void keep_dims_apart(ValueId v) {
    std::map<int, int> seen;
    for (size_t d = 0; d < graph_.type(v).shape.size(); ++d) {
      if (++seen[find(at(v, d))] > 1) whole_[find(at(v, d))] = true;
    }
  }

  const Graph& graph_;
  std::vector<ValueId> values_;
  std::vector<int> first_;   // by value: of its dims
  std::vector<int> parent_;  // by dim
  std::vector<char> whole_;  // by class's root
};

// Copies the regions of a loop with the types that one device holds.
class LocalLoop {
 public:
  explicit LocalLoop(LocalizeView& v) : v_(v), dims_(v.graph, v.node.regions), map_(v.graph.num_values()) {
    const Region& body = v.graph.region(v.node.regions[1]);
    for (size_t i = 0; i < body.args.size(); ++i) {
      for (size_t d = 0; d < v.rule.operands[i].size(); ++d) {
        for (int f : v.rule.operands[i][d]) shards_[dims_.of(body.args[i], d)] = v.shards[f];
      }
    }
  }

  RegionId copy(RegionId id) {
    const Region& region = v_.graph.region(id);
    std::vector<Type> types;
    for (ValueId a : region.args) types.push_back(local(a));
    const RegionId made = v_.builder.begin_region(std::move(types));
    for (size_t i = 0; i < region.args.size(); ++i)
      map_[region.args[i].index] = v_.builder.region_args(made)[i];
    for (NodeId n : region.nodes) copy(n);
    Values results;
    for (ValueId r : region.results) results.push_back(map_[r.index]);
    v_.builder.end_region(std::move(results));
    return made;
  }

 private:
  Type local(ValueId v) {
    Type type = v_.graph.type(v);
    for (size_t d = 0; d < type.shape.size(); ++d) {
      const auto shards = shards_.find(dims_.of(v, d));
      if (shards != shards_.end()) type.shape[d] /= shards->second;
    }
    return type;
  }

  void copy(NodeId id) {
    const Node& node = v_.graph.node(id);
    std::vector<Type> types;
    bool same = true;
    for (int r = 0; r < node.num_results; ++r) {
      types.push_back(local(node.result(r)));
      same = same && types.back() == v_.graph.type(node.result(r));
    }
    if (same) {
      v_.builder.clone(v_.graph, id, map_);
    } else if (node.kind == OpKind::kConstant) {
      DenseElements smaller = Graph::find_attr(node, "value")->dense();
      smaller.type = types[0];
      map_[node.result().index] = v_.builder.constant(std::move(smaller));
    } else {
      Values operands;
      for (ValueId o : node.operands) operands.push_back(map_[o.index]);
      const NodeId made = v_.builder.create(node.kind, std::move(operands), node.attrs, types, {}, node.line);
      for (int r = 0; r < node.num_results; ++r) map_[node.result(r).index] = v_.builder.node(made).result(r);
    }
  }

  LocalizeView& v_;
  LoopDims dims_;
  std::map<int, int64_t> shards_;  // by class
  std::vector<ValueId> map_;
};

}  // namespace

// ([i j], [i j], [])->([i j], [i j], []): what the loop carries, where nothing inside mixes along a dim.
// Loops that read values from outside run replicated.
FactorRule while_rule(const OpView& v) {
  RuleWriter w(v);
  if (!v.node || !captures(*v.graph, *v.node).empty()) return w.done();
  LoopDims dims(*v.graph, v.regions);
  const Region& body = v.graph->region(v.regions[1]);
  std::map<int, int> factor_of;
  for (size_t i = 0; i < body.args.size(); ++i) {
    for (size_t d = 0; d < v.operands[i].shape.size(); ++d) {
      const int c = dims.of(body.args[i], d);
      if (c < 0 || v.operands[i].shape[d] == 1 ||
          (!factor_of.contains(c) && factor_of.size() == kMostFactors))
        continue;
      const auto [it, fresh] = factor_of.try_emplace(c, 0);
      if (fresh) it->second = w.factor(v.operands[i].shape[d], FactorKind::kSpecial);
      w.operand(i, static_cast<int64_t>(d), it->second).result(i, static_cast<int64_t>(d), it->second);
    }
  }
  return w.done();
}

Values localize_while(LocalizeView& v) {
  LocalLoop loop(v);
  std::vector<RegionId> regions;
  for (RegionId r : v.node.regions) regions.push_back(loop.copy(r));
  const NodeId made = v.builder.create(v.node.kind, {v.operands.begin(), v.operands.end()}, v.node.attrs,
                                       {v.results.begin(), v.results.end()}, regions, v.node.line);
  Values results;
  for (int r = 0; r < v.node.num_results; ++r) results.push_back(v.builder.node(made).result(r));
  return results;
}

}  // namespace cordata::ir::ops
