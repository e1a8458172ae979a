// SPDX-License-Identifier: Apache-2.0
#include "cordata/ir/op_table.h"

#include <array>

#include "cordata/base/error.h"
#include "cordata/ir/ops/rows.h"
#include "cordata/ir/ops/view.h"

namespace cordata::ir {
namespace {

using Table = std::array<OpRow, kNumOpKinds>;

// Every kind has one row, in one group; anything else is our mistake and stops the program at its first look.
Table collect() {
  Table table{};
  std::array<bool, kNumOpKinds> seen{};
  for (std::span<const OpRow> group : ops::all_rows()) {
    for (const OpRow& r : group) {
      int at = static_cast<int>(r.kind);
      if (seen[at]) throw base::internal_error("[ir.op_table] wanted one row for {}, got two", name(r.kind));
      seen[at] = true;
      table[at] = r;
    }
  }
  for (int i = 0; i < kNumOpKinds; ++i) {
    if (!seen[i])
      throw base::internal_error("[ir.op_table] wanted a row for {}, got none", name(static_cast<OpKind>(i)));
  }
  return table;
}

}  // namespace

const OpRow& row(OpKind kind) {
  static const Table table = collect();
  return table[static_cast<int>(kind)];
}

FactorRule factor_rule(const Graph& graph, const Node& node) {
  ops::NodeView n(graph, node);
  const OpRow& r = row(node.kind);
  return r.rule ? r.rule(n.view) : ops::replicated_rule(n.view);
}

base::Flops flops(const Graph& graph, const Node& node) {
  const OpRow& r = row(node.kind);
  if (!r.flops) return base::Flops(0);
  ops::NodeView n(graph, node);
  return r.flops(n.view);
}

base::Flops flops(const Graph& graph) {
  base::Flops sum(0);
  for (NodeId n : graph.ops()) sum += flops(graph, graph.node(n));
  return sum;
}

bool is_constant_like(OpKind kind) {
  switch (kind) {
    case OpKind::kConstant:
    case OpKind::kIota:
    case OpKind::kChloConstant:
      return true;
    default:
      return false;
  }
}

bool has_side_effect(const Node& node) {
  switch (node.kind) {
    case OpKind::kInfeed:
    case OpKind::kOutfeed:
    case OpKind::kSend:
    case OpKind::kRecv:
      return true;
    case OpKind::kCustomCall: {
      const Attribute* effect = Graph::find_attr(node, "has_side_effect");
      return node.num_results == 0 || (effect && effect->integer() != 0);
    }
    default:
      return false;
  }
}

}  // namespace cordata::ir
