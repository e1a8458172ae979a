// SPDX-License-Identifier: Apache-2.0
#include "cordata/planner/intra_op/describe.h"

#include <algorithm>
#include <map>

#include "cordata/cost/lifetimes.h"
#include "cordata/cost/op_time.h"
#include "cordata/ir/op_table.h"

namespace cordata::planner {

namespace {

// By argument the result that takes over its memory, or -1.
std::vector<int> taken_over(const step::StageGraph& stage) {
  constexpr std::pair<step::ArgKind, step::ResultKind> kRenewed[] = {
      {step::ArgKind::kParam, step::ResultKind::kNewParam},
      {step::ArgKind::kOptState, step::ResultKind::kNewOptState},
      {step::ArgKind::kState, step::ResultKind::kNewState}};
  std::map<std::pair<step::ResultKind, int>, int> results;
  for (size_t r = 0; r < stage.results.size(); ++r)
    results[{stage.results[r].kind, stage.results[r].index}] = static_cast<int>(r);
  std::vector<int> out(stage.args.size(), -1);
  for (size_t a = 0; a < stage.args.size(); ++a)
    for (const auto& [arg, result] : kRenewed)
      if (const auto at = results.find({result, stage.args[a].index});
          stage.args[a].kind == arg && at != results.end())
        out[a] = at->second;
  return out;
}

// Nothing comes from other stages, and nothing goes there.
bool stands_alone(const step::StageGraph& stage) {
  return std::ranges::none_of(stage.args,
                              [](const auto& a) { return a.kind == step::ArgKind::kReceived || !a.owner; }) &&
         std::ranges::none_of(stage.results, [](const auto& r) { return r.kind == step::ResultKind::kSent; });
}

// How values lie in memory, and in what order ops run.
void hold(StageView& out, const step::StageGraph& stage, const std::vector<int>& modules) {
  out.whole_step = modules.empty();
  const auto lives = cost::lifetimes(stage.graph, taken_over(stage), modules);
  const int end = static_cast<int>(out.ops.size());
  out.held.resize(out.values.size());
  for (size_t v = 0; v < out.values.size(); ++v)
    out.held[v] = {std::min(lives.last_read[v], end - 1), lives.written[v]};
  for (const auto v : stage.graph.args()) out.held[v.index].times = 1;
  for (const auto& copy : lives.copies) {
    auto& held = out.held[copy.value.index];
    held.until = std::max(held.until, copy.to), ++held.times;
  }
  for (size_t i = 0; i < out.ops.size(); ++i) {
    auto& op = out.ops[i];
    op.time = lives.time[i];
    op.fused =
        std::all_of(op.results.begin(), op.results.end(), [&](int v) { return out.held[v].times == 0; });
  }
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
  const auto modules = modules_of(stage.pass, microbatches, stands_alone(stage));
  const auto times = cost::op_times(graph, cluster, cluster.kinds_in(first_device, devices), modules);
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
    op.seconds = times[i].seconds, op.compute = times[i].compute, op.launch = times[i].launch;
    op.read = times[i].read, op.written = times[i].written;
    op.slow_down(slower);
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
  hold(out, stage, modules);
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
        put(o.constant_like), put(o.accumulate), put(o.fused), put(o.time);
  }
  void put(const StageView::Held& h) { put(h.until), put(h.times); }
  std::string out;
};

}  // namespace

std::string fingerprint(const StageView& s) {
  Bytes b;
  b.put(s.values), b.put(s.held), b.put(s.whole_step), b.put(s.ops), b.put(s.args), b.put(s.arg_kinds),
      b.put(s.batch_dim), b.put(s.results), b.put(s.result_kinds);
  b.put(s.microbatches), b.put(s.in_flight);
  // Which new value belongs to which argument; the parameters' own numbers don't matter.
  for (size_t r = 0; r < s.result_kinds.size(); ++r)
    for (size_t a = 0; a < s.arg_kinds.size(); ++a)
      if (s.arg_kinds[a].index == s.result_kinds[r].index) b.put(r), b.put(a);
  return std::move(b.out);
}

}  // namespace cordata::planner
