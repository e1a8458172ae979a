// SPDX-License-Identifier: Apache-2.0
#include "cordata/planner/intra_op/describe.h"

#include <algorithm>

#include "cordata/cost/op_time.h"
#include "cordata/ir/op_table.h"

namespace cordata::planner {

namespace {

// Nothing comes from other stages, and nothing goes there.
bool stands_alone(const step::StageGraph& stage) {
  return std::ranges::none_of(stage.args,
                              [](const auto& a) { return a.kind == step::ArgKind::kReceived || !a.owner; }) &&
         std::ranges::none_of(stage.results, [](const auto& r) { return r.kind == step::ResultKind::kSent; });
}

}  // namespace

std::vector<int> modules_of(const std::vector<step::Pass>& passes, int microbatches, bool single_stage) {
  std::vector<int> out;
  if (single_stage && microbatches == 1) return out;
  for (const step::Pass& p : passes)
    out.push_back(p.phase == step::Phase::kApply ? 2 + p.round
                                                 : !single_stage && p.phase == step::Phase::kBackward);
  return out;
}

StageView describe(const step::StageGraph& stage, const cluster::Cluster& cluster, int first_device,
                   int devices, int microbatches, int in_flight, std::vector<int> batch_dim) {
  const auto& graph = stage.graph;
  const double slower = cost::slowdown(cluster, devices);
  const auto times = cost::op_times(graph, cluster, cluster.kinds_in(first_device, devices),
                                    modules_of(stage.pass, microbatches, stands_alone(stage)));
  StageView out;
  out.microbatches = microbatches;
  out.in_flight = in_flight;
  out.batch_dim = std::move(batch_dim);
  out.arg_kinds = stage.args;
  out.result_kinds = stage.results;
  for (int v = 0; v < graph.num_values(); ++v) out.values.push_back(graph.type(ir::ValueId(v)));
  for (const auto v : graph.args()) out.args.push_back(v.index);
  for (const auto v : graph.results()) out.results.push_back(v.index);
  for (size_t i = 0; i < graph.ops().size(); ++i) {
    const auto& node = graph.node(graph.ops()[i]);
    StageView::Op op;
    op.rule = ir::factor_rule(graph, node);
    op.pass = stage.pass[i];
    op.constant_like = ir::is_constant_like(node.kind);
    op.accumulate = node.kind == ir::OpKind::kAccumulate;
    op.seconds = times[i].seconds, op.launch = times[i].launch;
    op.read = times[i].read, op.written = times[i].written;
    op.slow_down(slower);
    op.fused = times[i].fused;
    for (const auto v : node.operands) op.operands.push_back(v.index);
    for (const auto v : ir::captures(graph, node)) {
      // A region's captures are read whole.
      op.operands.push_back(v.index);
      op.rule.operands.resize(op.operands.size());
      op.rule.operands.back().resize(graph.type(v).shape.size());
    }
    for (int r = 0; r < node.num_results; ++r) op.results.push_back(node.result(r).index);
    out.ops.push_back(std::move(op));
  }
  return out;
}

namespace {

class Bytes {
 public:
  template <typename T>
  void put(const T& v) {
    static_assert(std::is_arithmetic_v<T> || std::is_enum_v<T>);
    out.append(reinterpret_cast<const char*>(&v), sizeof v);
  }
  template <typename T>
  void put(const std::vector<T>& list) {
    put(list.size());
    for (const auto& v : list) put(v);
  }
  void put(const ir::Type& t) { put(t.kind), put(t.dtype), put(t.shape), put(t.elements); }
  void put(const ir::Factor& f) { put(f.size), put(f.kind), put(f.reduce); }
  void put(const step::StageArg& a) { put(a.kind), put(a.owner); }
  void put(const step::StageResult& r) { put(r.kind); }
  void put(const StageView::Op& o) {
    put(o.rule.factors), put(o.rule.operands), put(o.rule.results), put(o.rule.linear), put(o.rule.awaited),
        put(o.operands), put(o.results);
    put(o.pass.phase), put(o.pass.round), put(o.seconds), put(o.launch), put(o.read), put(o.written),
        put(o.constant_like), put(o.accumulate), put(o.fused);
  }
  std::string out;
};

}  // namespace

std::string fingerprint(const StageView& s) {
  Bytes b;
  b.put(s.values), b.put(s.ops), b.put(s.args), b.put(s.arg_kinds), b.put(s.batch_dim), b.put(s.results),
      b.put(s.result_kinds);
  b.put(s.microbatches), b.put(s.in_flight);
  // Which new value belongs to which argument; the parameters' own numbers don't matter.
  for (size_t r = 0; r < s.result_kinds.size(); ++r)
    for (size_t a = 0; a < s.arg_kinds.size(); ++a)
      if (s.arg_kinds[a].index == s.result_kinds[r].index) b.put(r), b.put(a);
  return std::move(b.out);
}

}  // namespace cordata::planner
