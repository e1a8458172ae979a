// SPDX-License-Identifier: Apache-2.0
#include "cordata/cost/lifetimes.h"

#include <algorithm>
#include <map>

#include "cordata/ir/op_table.h"

namespace cordata::cost {
namespace {

using ir::OpKind;

// Moves elements without looking at them; beside ops that are elementwise by their rule.
constexpr OpKind kMoves[] = {
    OpKind::kBroadcast, OpKind::kBroadcastInDim, OpKind::kConcatenate, OpKind::kDynamicSlice,
    OpKind::kPad,       OpKind::kReverse,        OpKind::kSlice,       OpKind::kTranspose};
// Elementwise, and dearer than reading the result again.
constexpr OpKind kCostly[] = {OpKind::kAtan2,  OpKind::kCbrt,        OpKind::kCosine,
                              OpKind::kDivide, OpKind::kExponential, OpKind::kExponentialMinusOne,
                              OpKind::kLog,    OpKind::kLogPlusOne,  OpKind::kLogistic,
                              OpKind::kPower,  OpKind::kRemainder,   OpKind::kRsqrt,
                              OpKind::kSine,   OpKind::kSqrt,        OpKind::kTan,
                              OpKind::kTanh};
constexpr OpKind kCopies[] = {OpKind::kBroadcast, OpKind::kBroadcastInDim};

template <size_t N>
bool is_one_of(const OpKind (&kinds)[N], OpKind kind) {
  return std::find(std::begin(kinds), std::end(kinds), kind) != std::end(kinds);
}

bool elementwise(const ir::Graph& graph, const ir::Node& node) {
  const ir::FactorRule rule = ir::factor_rule(graph, node);
  if (node.operands.empty() || rule.replicated_only()) return false;
  const auto& shape = graph.type(node.result()).shape;
  const auto same = [&](ir::ValueId v) {
    return graph.type(v).is_tensor() && (graph.type(v).shape == shape || graph.type(v).shape.empty());
  };
  const auto pass = [](const ir::Factor& f) { return f.kind == ir::FactorKind::kPass; };
  return std::all_of(node.operands.begin(), node.operands.end(), same) &&
         std::all_of(rule.factors.begin(), rule.factors.end(), pass);
}

// The result is the first operand (each its own, of a barrier) under another name.
bool hands_on(const ir::Node& node) {
  return node.kind == OpKind::kAfter || node.kind == OpKind::kOptimizationBarrier ||
         node.kind == OpKind::kReshape;
}

// The dims of an operand as a contraction wants them, where it can't read them as they lie; else empty. Dims
// of one element are nowhere.
std::vector<int64_t> contraction_order(const ir::Graph& graph, const ir::Node& node, size_t operand) {
  const auto& shape = graph.type(node.operands[operand]).shape;
  if (shape.size() <= 2) return {};
  const ir::FactorRule rule = ir::factor_rule(graph, node);
  const auto in_other = [&](int factor) {
    const auto& dims = rule.operands[1 - operand];
    return std::any_of(dims.begin(), dims.end(), [&](const auto& d) { return !d.empty() && d[0] == factor; });
  };
  std::vector<int64_t> batch, summed, order;
  for (int64_t d = 0; d < static_cast<int64_t>(shape.size()); ++d) {
    const auto& factors = rule.operands[operand][d];
    if (shape[d] == 1 || factors.empty()) continue;
    const bool sums = rule.factors[factors[0]].kind == ir::FactorKind::kReduce;
    (sums ? summed : in_other(factors[0]) ? batch : order).push_back(d);
  }
  order.insert(operand == 0 ? order.end() : order.begin(), summed.begin(), summed.end());
  order.insert(order.begin(), batch.begin(), batch.end());
  return std::is_sorted(order.begin(), order.end()) ? std::vector<int64_t>() : order;
}

class Scan {
 public:
  Scan(const ir::Graph& graph, std::span<const int> module)
      : graph_(graph),
        module_(module),
        count_(static_cast<int>(graph.ops().size())),
        place_(graph.num_nodes(), -1),
        readers_(graph.num_values()),
        loop_(count_),
        ordered_(graph.num_values()),
        inside_(graph.num_values(), -1) {
    out_.written.assign(graph.num_values(), 0);
    out_.last_read.assign(graph.num_values(), -1);
    out_.in_place.assign(count_, 0);
    out_.runs_last.assign(count_, -1);
    for (int i = 0; i < count_; ++i) {
      const ir::Node& node = op(i);
      place_[graph.ops()[i].index] = i;
      loop_[i] = node.num_results == 1 && node.regions.empty() && !hands_on(node) &&
                 (is_one_of(kMoves, node.kind) || elementwise(graph, node));
      for (const auto v : node.operands)
        if (readers_[v.index].empty() || readers_[v.index].back() != i) readers_[v.index].push_back(i);
      for (const auto v : ir::captures(graph, node)) readers_[v.index].push_back(i);
    }
    returned_.assign(graph.num_values(), 0);
    for (const auto v : graph.results()) returned_[v.index] = 1, out_.last_read[v.index] = count_;
  }

  Lifetimes run() {
    for (int i = count_ - 1; i >= 0; --i) {
      const ir::Node& node = op(i);
      for (int r = 0; r < node.num_results; ++r) copy(node.result(r), i);
      if (hands_on(node))
        hand_on(i);
      else if (loop_[i])
        run_loop(i);
      else
        run_apart(i);
    }
    for (const auto v : graph_.args()) copy(v, -1);
    return std::move(out_);
  }

 private:
  const ir::Node& op(int i) const { return graph_.node(graph_.ops()[i]); }
  int maker(ir::ValueId v) const {
    const auto def = graph_.value(v).def;
    return def.valid() ? place_[def.index] : -1;
  }
  bool together(int a, int b) const { return module_.empty() || module_[a] == module_[b]; }

  void read(ir::ValueId v, int at) { out_.last_read[v.index] = std::max(out_.last_read[v.index], at); }
  void read_inside(ir::ValueId v, int at) { inside_[v.index] = std::max(inside_[v.index], at); }

  // Every reader can take it in.
  bool all_take(int loop) const {
    const int v = op(loop).result().index;
    return !returned_[v] && std::all_of(readers_[v].begin(), readers_[v].end(), [&](int reader) {
      return together(loop, reader) &&
             (loop_[reader] || op(reader).kind == OpKind::kReshape || takes_product(reader, loop));
    });
  }
  bool takes_product(int reader, int loop) const {
    return op(reader).kind == OpKind::kReduce && op(loop).kind == OpKind::kMultiply &&
           op(reader).operands[0] == op(loop).result();
  }
  // Operands as large as the result that are read, not made on the way.
  int full_operands(int loop) const {
    const int64_t size = graph_.type(op(loop).result()).num_elements();
    int n = 0;
    for (const auto v : op(loop).operands) {
      const int from = maker(v);
      const bool made =
          from >= 0 && (is_one_of(kCopies, op(from).kind) || ir::is_constant_like(op(from).kind));
      n += !made && graph_.type(v).num_elements() >= size;
    }
    return n;
  }
  // Whether `loop` runs inside of `reader`.
  bool runs_inside(int loop, int reader) const {
    if (!loop_[loop] || !together(loop, reader)) return false;
    const bool takes = loop_[reader] || takes_product(reader, loop);
    if (!takes) return false;
    if (readers_[op(loop).result().index].size() == 1 && !returned_[op(loop).result().index]) return true;
    return !is_one_of(kCostly, op(loop).kind) && (all_take(loop) || full_operands(loop) <= 1);
  }

  // Those of a value that contractions asked for; `from` makes it.
  void copy(ir::ValueId v, int from) {
    for (const auto& [order, until] : ordered_[v.index]) {
      out_.copies.push_back({v, std::max(from, 0), until});
      const bool takes =
          from >= 0 && loop_[from] && (!is_one_of(kCostly, op(from).kind) || readers_[v.index].size() == 1);
      if (takes)
        read_inside(v, from);
      else
        read(v, std::max(from, 0));
    }
  }

  // A contraction's operand that is read in another order than it lies in.
  bool read_ordered(int i, size_t operand) {
    const auto order = contraction_order(graph_, op(i), operand);
    if (order.empty()) return false;
    auto& until = ordered_[op(i).operands[operand].index][order];
    until = std::max(until, i);
    return true;
  }

  void read_operands(int i, int at) {
    for (size_t k = 0; k < op(i).operands.size(); ++k) {
      const ir::ValueId v = op(i).operands[k];
      if (op(i).kind == OpKind::kDotGeneral && read_ordered(i, k)) continue;
      const int from = maker(v);
      if (from >= 0 && runs_inside(from, i))
        read_inside(v, at);
      else
        read(v, at);
    }
    for (const auto v : ir::captures(graph_, op(i))) read(v, at);
  }

  void run_loop(int i) {
    const int v = op(i).result().index;
    out_.written[v] = out_.last_read[v] >= 0 || inside_[v] < 0;
    out_.in_place[i] = out_.written[v];
    out_.runs_last[i] = std::max(out_.written[v] ? i : -1, inside_[v]);
    read_operands(i, out_.runs_last[i]);
  }

  void run_apart(int i) {
    const bool free = ir::is_constant_like(op(i).kind);
    for (int r = 0; r < op(i).num_results; ++r) out_.written[op(i).result(r).index] = !free;
    out_.runs_last[i] = i;
    read_operands(i, i);
  }

  void hand_on(int i) {
    for (int r = 0; r < op(i).num_results; ++r) {
      const ir::ValueId from = op(i).operands[r];
      const int until = std::max(out_.last_read[op(i).result(r).index], inside_[op(i).result(r).index]);
      const bool through = op(i).kind == OpKind::kReshape && maker(from) >= 0 && loop_[maker(from)] &&
                           together(maker(from), i) && out_.last_read[op(i).result(r).index] < 0;
      if (through)
        read_inside(from, until);
      else
        read(from, until);
    }
    out_.runs_last[i] = i;
  }

  const ir::Graph& graph_;
  const std::span<const int> module_;
  const int count_;
  std::vector<int> place_;  // by node: its position
  std::vector<std::vector<int>> readers_;
  std::vector<char> loop_, returned_;
  std::vector<std::map<std::vector<int64_t>, int>>
      ordered_;              // by value: orders of dims, and who last reads it so
  std::vector<int> inside_;  // by value: the last op that it is computed inside of
  Lifetimes out_;
};

// Ops that `to` depends on, itself too, by node.
std::vector<char> before(const ir::Graph& graph, ir::NodeId to) {
  std::vector<char> seen(graph.num_nodes(), 0);
  std::vector<ir::NodeId> open = {to};
  seen[to.index] = 1;
  const auto visit = [&](ir::ValueId v) {
    const auto def = graph.value(v).def;
    if (def.valid() && !seen[def.index]) seen[def.index] = 1, open.push_back(def);
  };
  while (!open.empty()) {
    const ir::NodeId id = open.back();
    open.pop_back();
    for (const auto v : graph.node(id).operands) visit(v);
    for (const auto v : ir::captures(graph, graph.node(id))) visit(v);
  }
  return seen;
}

}  // namespace

Lifetimes lifetimes(const ir::Graph& graph, std::span<const int> module) { return Scan(graph, module).run(); }

std::vector<char> copied_arguments(const ir::Graph& graph, std::span<const int> alias) {
  std::vector<char> out(graph.args().size(), 0);
  const auto readers = ir::users(graph);
  for (size_t a = 0; a < out.size() && a < alias.size(); ++a) {
    if (alias[a] < 0) continue;
    const ir::ValueId old = graph.args()[a], now = graph.results()[alias[a]];
    const auto& all = readers[old.index];
    const auto maker = graph.value(now).def;
    if (now == old || all.empty() || !maker.valid() || (all.size() == 1 && all[0] == maker)) continue;
    const auto seen = before(graph, maker);
    out[a] = std::any_of(all.begin(), all.end(), [&](ir::NodeId reader) { return !seen[reader.index]; });
  }
  return out;
}

}  // namespace cordata::cost
