// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <span>
#include <vector>

#include "cordata/base/units.h"
#include "cordata/ir/factor_rule.h"
#include "cordata/ir/graph.h"

namespace cordata::ir {

class GraphBuilder;

// What a row's functions see of an op: its types, attributes and regions, wherever it lives.
struct OpView {
  OpKind kind;
  std::span<const Type> operands;  // types
  std::span<const Type> results;   // types; empty while they are being inferred
  const AttrDict& attrs;
  const Graph* graph = nullptr;  // holds the regions; null while building an op without any
  std::span<const RegionId> regions;
  const Node* node =
      nullptr;  // where it stands in `graph`, if it does: rules may look at what operands are made from
};

// What a VJP sees and makes. Primal values are ids of the graph being built. `cotangents` has one entry per
// result (invalid where nothing flowed back; at least one is there); the VJP sets `operand_cotangents` (one
// per operand, leave invalid for none). It may leave out those that are not `wanted`: they don't depend on
// what is differentiated by.
struct VjpView {
  GraphBuilder& builder;
  const Graph& graph;  // where the node comes from
  const Node& node;
  std::span<const ValueId> operands;    // in the builder
  std::span<const ValueId> results;     // in the builder
  std::span<const ValueId> cotangents;  // in the builder
  std::span<ValueId> operand_cotangents;
  std::span<const char> wanted;  // by operand
  // The same for values that the node's regions read from outside; for ops that run regions (while, case,
  // if).
  const std::vector<ValueId>& captured_values;  // in graph
  std::span<const ValueId> captured;            // in the builder
  std::span<ValueId> captured_cotangents;
  std::span<const char> captured_wanted;
};

// What emitting one device's share of an op sees. `sizes[f]` is the number of shards factor f is cut into on
// this assignment; `shard_index(f)` gives, as a scalar i32 value of the builder, which of them this device
// holds.
struct LocalizeView {
  GraphBuilder& builder;
  const Graph& graph;
  const Node& node;
  const FactorRule& rule;
  std::span<const int64_t> shards;  // by factor: the number of shards, 1 = whole
  const std::function<ValueId(int factor)>& shard_index;
  std::span<const ValueId> operands;  // local values
  std::span<const Type> results;      // local types wanted
};

// One row per op: everything the project knows about it. A null function means: infer - result types must be
// given; verify - nothing beyond infer; vjp - not differentiable (throws when a gradient must pass; an op
// whose derivative is zero has one that gives nothing); flops - zero; rule - runs replicated; localize - the
// same op on local shapes with attributes that don't mention sharded extents.
struct OpRow {
  OpKind kind;
  std::vector<Type> (*infer)(const OpView&) = nullptr;
  void (*verify)(const OpView&) = nullptr;
  void (*vjp)(VjpView&) = nullptr;
  base::Flops (*flops)(const OpView&) = nullptr;
  FactorRule (*rule)(const OpView&) = nullptr;
  std::vector<ValueId> (*localize)(LocalizeView&) = nullptr;
};

// The row of an op. The table is complete and in the order of OpKind (checked at compile time where possible,
// else when first read). Rows live beside their functions in cordata/ir/ops/*.cc.
const OpRow& row(OpKind kind);

// Shorthands that build the view for a node of a graph.
FactorRule factor_rule(const Graph& graph, const Node& node);
base::Flops flops(const Graph& graph, const Node& node);
base::Flops flops(const Graph& graph);  // of all top-level ops; a while counts its body times its trip count

// Ops that only make data out of nothing or move it: never worth a communication, copied to whoever reads
// them.
bool is_constant_like(OpKind kind);
bool has_side_effect(const Node& node);

}  // namespace cordata::ir
