// SPDX-License-Identifier: Apache-2.0
#include "cordata/ir/pullback.h"

#include <algorithm>

#include "cordata/base/error.h"
#include "cordata/ir/op_table.h"
#include "cordata/ir/structural_hash.h"

namespace cordata::ir {
namespace {

bool continuous(const Type& t) { return t.is_tensor() && (is_float(t.dtype) || is_complex(t.dtype)); }

// Ops that run their regions with whatever those read; in others a captured value takes part in every
// element's step.
bool passes_to_captured(OpKind kind) {
  return kind == OpKind::kWhile || kind == OpKind::kCase || kind == OpKind::kIf;
}

std::string place(const Node& n) { return n.line > 0 ? fmt::format(" (line {})", n.line) : ""; }

bool is_zero(const GraphBuilder& b, ValueId v) {
  NodeId def = b.graph().value(v).def;
  if (!def.valid() || b.node(def).kind != OpKind::kConstant) return false;
  const DenseElements& dense = Graph::find_attr(b.node(def), "value")->dense();
  return dense.splat && element(dense, 0) == 0;
}

// x + dynamic_update_slice(0, update, starts) as a change of x in that place only. A scan's derivative adds
// to what it scans over this way, a slice at a time; in full it would touch the whole each time.
ValueId sum(GraphBuilder& b, ValueId x, ValueId y) {
  NodeId def = b.graph().value(y).def;
  if (!def.valid() || b.node(def).kind != OpKind::kDynamicUpdateSlice || !is_zero(b, b.node(def).operands[0]))
    return b.add(x, y);
  std::vector<ValueId> starts = b.node(def).operands;
  ValueId update = starts[1];
  starts.erase(starts.begin());
  starts[0] = x;
  ValueId there =
      b.value(OpKind::kDynamicSlice, starts, {{"slice_sizes", Attribute::dense_array(b.type(update).shape)}});
  starts.insert(starts.begin() + 1, b.add(there, update));
  return b.value(OpKind::kDynamicUpdateSlice, starts);
}

}  // namespace

ReverseMode::ReverseMode(const Graph& from, GraphBuilder& builder)
    : from_(from),
      builder_(builder),
      map_(from.num_values()),
      moves_(from.num_values(), false),
      cotangents_(from.num_values()) {}

void ReverseMode::bind(ValueId value, ValueId now, bool moves) {
  map_[value.index] = now;
  moves_[value.index] = moves && continuous(from_.type(value));
}

void ReverseMode::copy_forward(RegionId region) {
  for (NodeId id : from_.region(region).nodes) {
    builder_.clone(from_, id, map_);
    const Node& n = from_.node(id);
    bool moves = any_moves(n.operands) || (!n.regions.empty() && any_moves(captures(from_, n)));
    for (int i = 0; i < n.num_results; ++i)
      moves_[n.result(i).index] = moves && continuous(from_.type(n.result(i)));
  }
}

bool ReverseMode::any_moves(const std::vector<ValueId>& values) const {
  return std::ranges::any_of(values, [&](ValueId v) { return moves_[v.index]; });
}

void ReverseMode::seed(ValueId value, ValueId cotangent) { flow_into(value, cotangent); }

void ReverseMode::walk_back(RegionId region) {
  const std::vector<NodeId>& nodes = from_.region(region).nodes;
  for (auto n = nodes.rbegin(); n != nodes.rend(); ++n) pull_back(from_.node(*n));
}

namespace {

// A list of values as a VJP sees them.
struct Seen {
  std::vector<ValueId> now, cotangents;
  std::vector<char> wanted;
};

}  // namespace

void ReverseMode::pull_back(const Node& n) {
  std::vector<ValueId> results, cotangents;
  bool reached = false;
  for (int i = 0; i < n.num_results; ++i) {
    ValueId v = n.result(i);
    results.push_back(map_[v.index]);
    cotangents.push_back(moves_[v.index] ? cotangents_[v.index] : ValueId());
    reached = reached || cotangents.back().valid();
  }
  if (!reached) return;
  auto seen = [&](const std::vector<ValueId>& values) {
    Seen s{{}, std::vector<ValueId>(values.size()), {}};
    for (ValueId v : values) s.now.push_back(map_[v.index]), s.wanted.push_back(moves_[v.index]);
    return s;
  };
  std::vector<ValueId> captured_values = n.regions.empty() ? std::vector<ValueId>{} : captures(from_, n);
  Seen operands = seen(n.operands), captured = seen(captured_values);
  const OpRow& r = row(n.kind);
  if (!r.vjp) {
    throw base::user_error(
        "[ir.gradient] wanted ops with a derivative between the loss and what it is differentiated by, got "
        "{}{}",
        name(n.kind), place(n));
  }
  if (any_moves(captured_values) && !passes_to_captured(n.kind)) {
    throw base::user_error(
        "[ir.gradient] wanted a region of {}{} that reads only its arguments, got one that reads a value to "
        "differentiate by",
        name(n.kind), place(n));
  }
  VjpView view{builder_,
               from_,
               n,
               operands.now,
               results,
               cotangents,
               operands.cotangents,
               operands.wanted,
               captured_values,
               captured.now,
               captured.cotangents,
               captured.wanted};
  r.vjp(view);
  auto collect = [&](const std::vector<ValueId>& values, const Seen& s) {
    for (size_t i = 0; i < values.size(); ++i) {
      if (s.cotangents[i].valid() && s.wanted[i]) flow_into(values[i], s.cotangents[i]);
    }
  };
  collect(n.operands, operands);
  collect(captured_values, captured);
}

void ReverseMode::flow_into(ValueId value, ValueId cotangent) {
  if (builder_.type(cotangent) != from_.type(value)) {
    throw base::internal_error("[ir.gradient] wanted a cotangent of {}, got {}", to_string(from_.type(value)),
                               to_string(builder_.type(cotangent)));
  }
  ValueId& so_far = cotangents_[value.index];
  so_far = so_far.valid() ? sum(builder_, so_far, cotangent) : cotangent;
}

ValueId ReverseMode::cotangent_or_zero(ValueId value) {
  if (cotangents_[value.index].valid()) return cotangents_[value.index];
  const Type& t = from_.type(value);
  return builder_.constant(0, t.dtype, t.shape);
}

namespace {

std::vector<ValueId> inputs_of(const Graph& graph, RegionId region, const std::vector<ValueId>& captured) {
  std::vector<ValueId> all = graph.region(region).args;
  all.insert(all.end(), captured.begin(), captured.end());
  return all;
}

void bind_inputs(ReverseMode& reverse, GraphBuilder& b, const Graph& graph,
                 const std::vector<ValueId>& inputs, std::span<const char> moves) {
  for (size_t i = 0; i < inputs.size(); ++i) reverse.bind(inputs[i], b.arg(graph.type(inputs[i])), moves[i]);
}

}  // namespace

Pullback pullback(const Graph& graph, RegionId region, const std::vector<ValueId>& captured,
                  std::span<const char> moves, std::span<const char> flows) {
  GraphBuilder b("pullback");
  ReverseMode reverse(graph, b);
  std::vector<ValueId> inputs = inputs_of(graph, region, captured), made;
  bind_inputs(reverse, b, graph, inputs, moves);
  reverse.copy_forward(region);
  Pullback out;
  const std::vector<ValueId>& results = graph.region(region).results;
  for (size_t i = 0; i < results.size(); ++i) {
    if (!flows[i] || !reverse.moves(results[i])) continue;
    out.results.push_back(static_cast<int>(i));
    reverse.seed(results[i], b.arg(graph.type(results[i])));
  }
  reverse.walk_back(region);
  for (size_t i = 0; i < inputs.size(); ++i) {
    if (!reverse.moves(inputs[i])) continue;
    out.inputs.push_back(static_cast<int>(i));
    made.push_back(reverse.cotangent_or_zero(inputs[i]));
  }
  out.graph = without_dead_ops(b.finish(std::move(made)));
  return out;
}

std::vector<char> moving_results(const Graph& graph, RegionId region, const std::vector<ValueId>& captured,
                                 std::span<const char> moves) {
  GraphBuilder b;
  ReverseMode reverse(graph, b);
  bind_inputs(reverse, b, graph, inputs_of(graph, region, captured), moves);
  reverse.copy_forward(region);
  std::vector<char> out;
  for (ValueId v : graph.region(region).results) out.push_back(reverse.moves(v));
  return out;
}

Graph without_dead_ops(const Graph& graph) {
  std::vector<char> live(graph.num_values(), false);
  for (ValueId v : graph.results()) live[v.index] = true;
  std::vector<NodeId> kept;
  for (auto it = graph.ops().rbegin(); it != graph.ops().rend(); ++it) {
    const Node& n = graph.node(*it);
    bool needed = affects_world(graph, *it);
    for (int i = 0; i < n.num_results; ++i) needed = needed || live[n.result(i).index];
    if (!needed) continue;
    kept.push_back(*it);
    for (ValueId v : n.operands) live[v.index] = true;
    if (n.regions.empty()) continue;
    for (ValueId v : captures(graph, n)) live[v.index] = true;
  }
  GraphBuilder b(graph.name());
  b.set_module_attrs(graph.module_attrs());
  std::vector<ValueId> map(graph.num_values());
  for (size_t i = 0; i < graph.args().size(); ++i) {
    ValueId arg = graph.args()[i];
    map[arg.index] = b.arg(graph.type(arg), graph.value(arg).name, graph.arg_attrs()[i]);
  }
  for (auto it = kept.rbegin(); it != kept.rend(); ++it) b.clone(graph, *it, map);
  std::vector<ValueId> results;
  for (ValueId v : graph.results()) results.push_back(map[v.index]);
  return b.finish(std::move(results), graph.result_attrs());
}

}  // namespace cordata::ir
