// SPDX-License-Identifier: Apache-2.0
// Rules of ops that compute each element of the result from the same element of the operands.
#include "cordata/ir/builder.h"
#include "cordata/ir/ops/rules.h"

namespace cordata::ir::ops {

FactorRule elementwise_rule(const OpView& v) {
  RuleWriter w(v);
  const Shape& shape = v.results[0].shape;
  for (size_t d = 0; d < shape.size(); ++d) {
    int f = w.factor(shape[d]);
    for (size_t i = 0; i < v.operands.size(); ++i) {
      if (v.operands[i].shape.size() == shape.size()) w.operand(i, d, f);
    }
    for (size_t i = 0; i < v.results.size(); ++i) w.result(i, d, f);
  }
  return w.done();
}

FactorRule linear_each_rule(const OpView& v) {
  FactorRule rule = elementwise_rule(v);
  for (size_t i = 0; i < v.operands.size(); ++i) rule.linear.push_back(1u << i);
  return rule;
}

FactorRule linear_first_rule(const OpView& v) {
  FactorRule rule = elementwise_rule(v);
  if (!is_integer(v.results[0].dtype) || v.kind != OpKind::kDivide) rule.linear = {1};  // integers round
  return rule;
}

FactorRule linear_together_rule(const OpView& v) {
  FactorRule rule = elementwise_rule(v);
  if (v.operands.size() < 32) rule.linear = {(1u << v.operands.size()) - 1};
  return rule;
}

// Summands may be widened before they are summed, not rounded.
FactorRule convert_rule(const OpView& v) {
  FactorRule rule = elementwise_rule(v);
  DType from = v.operands[0].dtype, to = v.results[0].dtype;
  if (is_float(from) && is_float(to) && bits(to) >= bits(from)) rule.linear = {1};
  return rule;
}

// A dim that only one side has, the parts of a wide element, stays whole.
FactorRule bitcast_rule(const OpView& v) {
  RuleWriter w(v);
  size_t rank = std::min(v.operands[0].shape.size(), v.results[0].shape.size());
  for (size_t d = 0; d < rank; ++d) {
    int f = w.factor(v.results[0].shape[d]);
    w.operand(0, d, f).result(0, d, f);
  }
  return w.done();
}

FactorRule select_rule(const OpView& v) {
  FactorRule rule = elementwise_rule(v);
  rule.linear = {0b110};
  return rule;
}

// Of one tensor. Several that wait for each other have no dims in common: they stay whole.
FactorRule barrier_rule(const OpView& v) {
  return v.operands.size() == 1 && v.operands[0].is_tensor() ? elementwise_rule(v) : replicated_rule(v);
}

// after: ([i j], ...)->([i j]).
FactorRule after_rule(const OpView& v) {
  RuleWriter w(v);
  for (size_t d = 0; d < v.results[0].shape.size(); ++d) {
    int f = w.factor(v.results[0].shape[d]);
    w.operand(0, static_cast<int64_t>(d), f).result(0, static_cast<int64_t>(d), f);
  }
  FactorRule rule = w.done();
  rule.awaited = ~uint32_t{1};
  return rule;
}

// What compilers know: a barrier of all of them, the first of which is handed on.
Values localize_after(LocalizeView& v) {
  std::vector<ValueId> all(v.operands.begin(), v.operands.end());
  return {v.builder.node(v.builder.create(OpKind::kOptimizationBarrier, std::move(all))).result()};
}

namespace {

bool is_splat_value(const Graph& graph, ValueId value, double wanted) {
  for (int hops = 0; hops < 4; ++hops) {
    NodeId def = graph.value(value).def;
    if (!def.valid()) return false;
    const Node& n = graph.node(def);
    if (n.kind == OpKind::kBroadcastInDim || n.kind == OpKind::kConvert || n.kind == OpKind::kReshape) {
      value = n.operands[0];
      continue;
    }
    if (n.kind != OpKind::kConstant) return false;
    const DenseElements& dense = Graph::find_attr(n, "value")->dense();
    return (dense.splat || dense.type.num_elements() == 1) && element(dense, 0) == wanted;
  }
  return false;
}

}  // namespace

bool is_splat(const OpView& v, size_t operand, double value) {
  return v.node && v.graph && is_splat_value(*v.graph, v.node->operands[operand], value);
}

std::optional<ReduceKind> reduce_kind(OpKind op) {
  switch (op) {
    case OpKind::kAdd:
      return ReduceKind::kAdd;
    case OpKind::kMaximum:
      return ReduceKind::kMax;
    case OpKind::kMinimum:
      return ReduceKind::kMin;
    case OpKind::kMultiply:
      return ReduceKind::kMul;
    case OpKind::kAnd:
      return ReduceKind::kAnd;
    case OpKind::kOr:
      return ReduceKind::kOr;
    default:
      return std::nullopt;
  }
}

}  // namespace cordata::ir::ops
