// SPDX-License-Identifier: Apache-2.0
#include "cordata/planner/intra_op/describe.h"

#include <algorithm>
#include <map>
#include <set>
#include <tuple>
#include <unordered_map>

#include "cordata/cost/lifetimes.h"
#include "cordata/cost/op_time.h"
#include "cordata/ir/op_table.h"
#include "cordata/ir/structural_hash.h"
#include "cordata/step/shorten.h"

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

void take(StageView::Op& op, const cost::OpTime& time) {
  op.seconds = time.seconds, op.compute = time.compute, op.launch = time.launch;
  op.serial = time.serial;
  op.read = time.read, op.written = time.written, op.measured = time.measured;
}

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
    take(op, times[i]);
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
  void put(const cost::Measured& m) { put(reinterpret_cast<uintptr_t>(m.times)), put(m.pace), put(m.least); }
  void put(const StageView::Op& o) {
    put(o.rule.factors), put(o.rule.operands), put(o.rule.results), put(o.rule.linear), put(o.rule.awaited),
        put(o.operands), put(o.results);
    put(o.pass.phase), put(o.pass.round), put(o.seconds), put(o.compute), put(o.serial), put(o.launch),
        put(o.read), put(o.written), put(o.measured), put(o.constant_like), put(o.accumulate), put(o.fused),
        put(o.time);
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
  std::unordered_map<int, std::vector<size_t>> args;
  for (size_t a = 0; a < s.arg_kinds.size(); ++a) args[s.arg_kinds[a].index].push_back(a);
  for (size_t r = 0; r < s.result_kinds.size(); ++r)
    if (const auto at = args.find(s.result_kinds[r].index); at != args.end())
      for (const size_t a : at->second) b.put(r), b.put(a);
  return std::move(b.out);
}

std::string structure(const StageView& part) {
  Bytes b;
  for (const auto& v : part.values) b.put(v.kind), b.put(v.dtype), b.put(v.shape.size());
  for (const auto& op : part.ops) {
    for (const auto& f : op.rule.factors) b.put(f.kind), b.put(f.reduce);
    b.put(op.rule.factors.size()), b.put(op.rule.operands), b.put(op.rule.results), b.put(op.rule.linear);
    b.put(op.operands), b.put(op.results), b.put(op.pass.phase), b.put(op.constant_like),
        b.put(op.accumulate);
  }
  b.put(part.args), b.put(part.arg_kinds), b.put(part.results), b.put(part.result_kinds);
  return std::move(b.out);
}

namespace {

// What alike_layers compares, one layer after the other.
class LayerPrints {
 public:
  LayerPrints(const step::JointStep& joint, const step::Homes& homes,
              const std::vector<std::vector<cost::OpTime>>& times)
      : joint_(joint),
        g_(joint.graph),
        homes_(homes),
        times_(times),
        hashes_(g_),
        readers_(ir::users(g_)),
        place_(g_.num_nodes(), -1),
        arg_(g_.num_values(), -1),
        number_(g_.num_values(), {-1, 0}) {
    for (size_t i = 0; i < g_.ops().size(); ++i) place_[g_.ops()[i].index] = static_cast<int>(i);
    for (size_t a = 0; a < g_.args().size(); ++a) arg_[g_.args()[a].index] = static_cast<int>(a);
    for (size_t r = 0; r < g_.results().size(); ++r) returned_.emplace(g_.results()[r].index, r);
    for (size_t a = 0; a < joint.args.size(); ++a)
      argument_.try_emplace({joint.args[a].role, joint.args[a].index}, g_.args()[a].index);
  }

  std::string of(int layer, const std::vector<int>& ops) {
    Bytes b;
    layer_ = layer, count_ = 0;
    for (const int i : ops) {
      const auto& node = g_.node(g_.ops()[i]);
      b.put(hashes_.alone(g_.ops()[i])), b.put(joint_.phase[i]);
      for (const auto& times : times_) {
        const auto& t = times[i];
        b.put(t.seconds), b.put(t.compute), b.put(t.serial), b.put(t.launch), b.put(t.read), b.put(t.written);
        b.put(t.measured);
      }
      for (const auto v : node.operands) put_read(b, v);
      for (const auto v : ir::captures(g_, node)) put_read(b, v);
      for (int r = 0; r < node.num_results; ++r) put_made(b, node.result(r));
    }
    return std::move(b.out);
  }

 private:
  enum class From : uint8_t { kHere, kAnywhere, kArgument, kElsewhere };

  // By order of appearance in this layer.
  int number(ir::ValueId v) {
    auto& [layer, n] = number_[v.index];
    if (layer != layer_) layer = layer_, n = count_++;
    return n;
  }
  int side(const step::Home& home) const {
    return home.kind != step::Home::Kind::kStage ? 2 : (home.stage > layer_) - (home.stage < layer_);
  }

  void put_read(Bytes& b, ir::ValueId v) {
    const auto& home = homes_.of(v);
    if (home.kind == step::Home::Kind::kAnywhere) return b.put(From::kAnywhere), b.put(hashes_.of(v));
    const bool here = side(home) == 0;
    if (const int a = arg_[v.index]; a >= 0) {
      b.put(From::kArgument), b.put(joint_.args[a].role), b.put(here), b.put(number(v)), b.put(g_.type(v));
      return;
    }
    const int maker = place_[g_.value(v).def.index];
    b.put(here ? From::kHere : From::kElsewhere), b.put(number(v));
    if (!here) b.put(home.kind), b.put(side(home)), b.put(joint_.phase[maker]), b.put(g_.type(v));
  }

  void put_made(Bytes& b, ir::ValueId v) {
    b.put(number(v));
    std::set<std::tuple<step::Phase, step::Home::Kind, int>> elsewhere;
    for (const auto n : readers_[v.index])
      if (const int at = place_[n.index]; at < 0)
        elsewhere.insert({step::Phase::kApply, step::Home::Kind::kAnywhere, -2});  // inside an op's region
      else if (const auto& home = homes_.op[at]; side(home) != 0)
        elsewhere.insert({joint_.phase[at], home.kind, side(home)});
    for (const auto& [phase, kind, at] : elsewhere) b.put(phase), b.put(kind), b.put(at);
    const auto [begin, end] = returned_.equal_range(v.index);
    for (auto it = begin; it != end; ++it) {
      const auto& port = joint_.results[it->second];
      const auto renewed = argument_.find({port.role, port.index});
      b.put(port.role);
      if (renewed != argument_.end()) b.put(number(ir::ValueId(renewed->second)));
    }
  }

  const step::JointStep& joint_;
  const ir::Graph& g_;
  const step::Homes& homes_;
  const std::vector<std::vector<cost::OpTime>>& times_;
  const ir::ValueHashes hashes_;
  const std::vector<std::vector<ir::NodeId>> readers_;
  std::vector<int> place_, arg_;             // by node; by value
  std::vector<std::pair<int, int>> number_;  // by value: of which layer
  std::multimap<int, size_t> returned_;      // by value: results
  std::map<std::pair<step::Role, int>, int> argument_;
  int layer_ = 0, count_ = 0;
};

}  // namespace

std::vector<int> alike_layers(const step::JointStep& joint, const step::Homes& homes,
                              const std::vector<std::vector<cost::OpTime>>& times) {
  const auto ops = step::ops_of_layers(homes);
  LayerPrints prints(joint, homes, times);
  std::unordered_map<std::string, int> first;
  std::vector<int> out;
  for (int l = 0; l < homes.num_stages; ++l)
    out.push_back(first.try_emplace(prints.of(l, ops[l]), l).first->second);
  return out;
}

}  // namespace cordata::planner
