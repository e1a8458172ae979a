// SPDX-License-Identifier: Apache-2.0
// Ops that hold regions to run, tuples, tokens, and calls out of the module.
#include "cordata/ir/ops/control.h"

#include <algorithm>

#include "cordata/ir/builder.h"
#include "cordata/ir/ops/infer.h"
#include "cordata/ir/ops/rows.h"
#include "cordata/ir/ops/rules.h"
#include "cordata/ir/ops/vjp.h"

namespace cordata::ir::ops {
namespace {

Types branch_results(const OpView& v, size_t branches) {
  if (v.operands.size() != 1 || v.regions.size() != branches || branches == 0)
    fail_types(v, "one operand and its branches");
  Types first;
  for (RegionId r : v.regions) {
    Types types;
    for (ValueId x : v.graph->region(r).results) types.push_back(v.graph->type(x));
    if (r == v.regions[0]) first = types;
    if (types != first) fail(v, "branches that return " + types_text(first), types_text(types));
  }
  return first;
}

Types if_(const OpView& v) { return branch_results(v, 2); }
Types case_(const OpView& v) { return branch_results(v, v.regions.size()); }

Types while_(const OpView& v) {
  if (v.regions.size() != 2) fail(v, "a condition and a body", fmt::format("{} regions", v.regions.size()));
  Types types = like_operands(v);
  for (RegionId r : v.regions) {
    Types args;
    for (ValueId x : v.graph->region(r).args) args.push_back(v.graph->type(x));
    if (args != types) fail(v, "regions that take " + types_text(types), types_text(args));
  }
  Types next;
  for (ValueId x : v.graph->region(v.regions[1]).results) next.push_back(v.graph->type(x));
  if (next != types) fail(v, "a body that returns " + types_text(types), types_text(next));
  return types;
}

Types get_tuple_element(const OpView& v) {
  want_operands(v, 1);
  int64_t i = integer(v, "index");
  bool inside = v.operands[0].kind == Type::Kind::kTuple && i >= 0 &&
                i < static_cast<int64_t>(v.operands[0].elements.size());
  want(v, inside, "a tuple and an index inside it");
  return {v.operands[0].elements[i]};
}

Types tuple(const OpView& v) { return {Type::tuple(like_operands(v))}; }

base::Flops region_flops(const OpView& v, RegionId region) {
  base::Flops sum(0);
  for (NodeId n : v.graph->region(region).nodes) sum += flops(*v.graph, v.graph->node(n));
  return sum;
}

base::Flops longest_branch(const OpView& v) {
  base::Flops most(0);
  for (RegionId r : v.regions) most = std::max(most, region_flops(v, r));
  return most;
}

base::Flops map_flops(const OpView& v) {
  return region_flops(v, v.regions[0]) * static_cast<double>(v.results[0].num_elements());
}

}  // namespace

namespace {

std::optional<int64_t> scalar_constant(const Graph& graph, ValueId v) {
  NodeId def = graph.value(v).def;
  if (!def.valid() || graph.node(def).kind != OpKind::kConstant || graph.type(v).rank() != 0)
    return std::nullopt;
  if (!is_integer(graph.type(v).dtype)) return std::nullopt;
  return static_cast<int64_t>(element(Graph::find_attr(graph.node(def), "value")->dense(), 0));
}

// The argument of the region that v is.
std::optional<int> argument(const Region& region, ValueId v) {
  for (size_t i = 0; i < region.args.size(); ++i) {
    if (region.args[i] == v) return static_cast<int>(i);
  }
  return std::nullopt;
}

}  // namespace

// Recognises i = start; while (i < limit) { i = i + step; ... }, the form of JAX's scan and fori_loop.
std::optional<int64_t> trip_count(const Graph& graph, const Node& loop) {
  const Region& cond = graph.region(loop.regions[0]);
  const Region& body = graph.region(loop.regions[1]);
  NodeId test_id = graph.value(cond.results[0]).def;
  if (!test_id.valid() || graph.node(test_id).kind != OpKind::kCompare) return std::nullopt;
  const Node& test = graph.node(test_id);
  const Attribute* direction = Graph::find_attr(test, "comparison_direction");
  auto counter = argument(cond, test.operands[0]);
  if (!counter || !direction || (direction->word() != "LT" && direction->word() != "LE")) return std::nullopt;
  // The limit is a constant of the condition or outside, or a carried value that the body hands on unchanged.
  ValueId limit_value = test.operands[1];
  if (auto carried = argument(cond, limit_value)) {
    if (body.results[*carried] != body.args[*carried]) return std::nullopt;
    limit_value = loop.operands[*carried];
  }
  auto limit = scalar_constant(graph, limit_value), start = scalar_constant(graph, loop.operands[*counter]);
  NodeId next_id = graph.value(body.results[*counter]).def;
  if (!limit || !start || !next_id.valid() || graph.node(next_id).kind != OpKind::kAdd) return std::nullopt;
  const Node& next = graph.node(next_id);
  bool first = next.operands[0] == body.args[*counter], second = next.operands[1] == body.args[*counter];
  auto step = scalar_constant(graph, next.operands[first ? 1 : 0]);
  if (first == second || !step || *step <= 0) return std::nullopt;
  int64_t span = *limit - *start + (direction->word() == "LE" ? 1 : 0);
  return span <= 0 ? 0 : (span + *step - 1) / *step;
}

namespace {

// A loop whose trip count isn't known counts once.
base::Flops while_flops(const OpView& v) {
  Node loop{.kind = v.kind, .operands = {}, .regions = v.regions};
  for (int i = 0; i < v.graph->num_nodes(); ++i) {
    const Node& n = v.graph->node(NodeId(i));
    if (n.kind == OpKind::kWhile && n.regions == loop.regions) loop.operands = n.operands;
  }
  std::optional<int64_t> trips = loop.operands.empty() ? std::nullopt : trip_count(*v.graph, loop);
  return (region_flops(v, v.regions[0]) + region_flops(v, v.regions[1])) *
         static_cast<double>(trips.value_or(1));
}

Types after(const OpView& v) {
  want(v, v.operands.size() >= 2, "a value and what it comes after");
  return {v.operands[0]};
}

constexpr OpRow kRows[] = {
    {.kind = OpKind::kAfter, .infer = after, .rule = after_rule, .localize = localize_after},
    {.kind = OpKind::kAfterAll, .infer = token},
    {.kind = OpKind::kCase, .infer = case_, .vjp = vjp_case, .flops = longest_branch},
    {.kind = OpKind::kComposite},
    {.kind = OpKind::kCreateToken, .infer = token},
    {.kind = OpKind::kCustomCall},
    {.kind = OpKind::kGetTupleElement, .infer = get_tuple_element},
    {.kind = OpKind::kIf, .infer = if_, .vjp = vjp_case, .flops = longest_branch},
    {.kind = OpKind::kInfeed},
    {.kind = OpKind::kMap, .flops = map_flops, .rule = elementwise_rule},
    {.kind = OpKind::kOptimizationBarrier, .infer = like_operands, .vjp = vjp_pass, .rule = barrier_rule},
    {.kind = OpKind::kOutfeed, .infer = token},
    {.kind = OpKind::kRecv},
    {.kind = OpKind::kSend, .infer = token},
    {.kind = OpKind::kTuple, .infer = tuple},
    {.kind = OpKind::kWhile,
     .infer = while_,
     .vjp = vjp_while,
     .flops = while_flops,
     .rule = while_rule,
     .localize = localize_while},
};

}  // namespace

std::span<const OpRow> control_rows() { return kRows; }

}  // namespace cordata::ir::ops
