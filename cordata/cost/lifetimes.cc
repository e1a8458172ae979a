// SPDX-License-Identifier: Apache-2.0
#include "cordata/cost/lifetimes.h"

#include <algorithm>
#include <limits>
#include <map>
#include <set>
#include <tuple>

#include "cordata/cost/fusion.h"
#include "cordata/ir/op_table.h"

namespace cordata::cost {
namespace {

using ir::OpKind;

// Moves elements without looking at them; beside ops that are elementwise by their rule.
constexpr OpKind kMoves[] = {
    OpKind::kBroadcast, OpKind::kBroadcastInDim, OpKind::kConcatenate, OpKind::kDynamicSlice,
    OpKind::kPad,       OpKind::kReverse,        OpKind::kSlice,       OpKind::kTranspose};
constexpr OpKind kCopies[] = {OpKind::kBroadcast, OpKind::kBroadcastInDim};

template <size_t N>
bool is_one_of(const OpKind (&kinds)[N], OpKind kind) {
  return std::find(std::begin(kinds), std::end(kinds), kind) != std::end(kinds);
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
  Scan(const ir::Graph& graph, std::span<const int> alias, std::span<const int> module)
      : graph_(graph),
        module_(module),
        count_(static_cast<int>(graph.ops().size())),
        place_(graph.num_nodes(), -1),
        readers_(graph.num_values()),
        loop_(count_),
        returned_(graph.num_values(), 0),
        taken_over_(graph.num_values(), 0),
        inside_(graph.num_values(), 0),
        direct_(graph.num_values(), 0),
        ordered_(graph.num_values()),
        reads_(count_) {
    out_.written.assign(graph.num_values(), 0);
    out_.in_place.assign(count_, 0);
    for (int i = 0; i < count_; ++i) {
      const ir::Node& node = op(i);
      place_[graph.ops()[i].index] = i;
      loop_[i] = node.num_results == 1 && node.regions.empty() && !hands_on(node) &&
                 (is_one_of(kMoves, node.kind) || (!node.operands.empty() && elementwise(graph, node)));
      for (const auto v : node.operands) add_reader(v, i);
      for (const auto v : ir::captures(graph, node)) add_reader(v, i);
    }
    for (const auto v : graph.results()) returned_[v.index] = 1;
    for (size_t a = 0; a < alias.size(); ++a)
      if (alias[a] >= 0) taken_over_[graph.results()[alias[a]].index] = 1;
  }

  Lifetimes run() {
    for (int i = count_ - 1; i >= 0; --i) find_written(i);
    for (int i = 0; i < count_; ++i) find_reads(i);
    order_ops();
    find_last_reads();
    return std::move(out_);
  }

 private:
  const ir::Node& op(int i) const { return graph_.node(graph_.ops()[i]); }
  int maker(ir::ValueId v) const {
    const auto def = graph_.value(v).def;
    return def.valid() ? place_[def.index] : -1;
  }
  int64_t bytes(int v) const { return graph_.type(ir::ValueId(v)).num_bytes(); }
  bool together(int a, int b) const { return module_.empty() || module_[a] == module_[b]; }
  void add_reader(ir::ValueId v, int i) {
    auto& all = readers_[v.index];
    if (all.empty() || all.back() != i) all.push_back(i);
  }

  // --- fusion ---

  bool takes_product(int reader, int loop) const {
    return op(reader).kind == OpKind::kReduce && op(loop).kind == OpKind::kMultiply &&
           op(reader).operands[0] == op(loop).result();
  }
  bool takes(int reader, int loop) const {
    return together(loop, reader) &&
           (loop_[reader] || takes_product(reader, loop) || op(reader).kind == OpKind::kReshape);
  }
  bool all_take(int loop) const {
    const int v = op(loop).result().index;
    return !returned_[v] && std::all_of(readers_[v].begin(), readers_[v].end(),
                                        [&](int reader) { return takes(reader, loop); });
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
  bool cheap_again(int loop) const {
    return !slow(op(loop).kind) && (all_take(loop) || full_operands(loop) <= 1);
  }
  bool runs_inside(int loop, int reader) const {
    if (loop < 0 || !loop_[loop] || !takes(reader, loop)) return false;
    const int v = op(loop).result().index;
    return (readers_[v].size() == 1 && !returned_[v]) || cheap_again(loop);
  }
  // Whether what is in another order of dims is made so in the first place.
  bool written_in_order(int i) const {
    return i >= 0 && loop_[i] && (readers_[op(i).result().index].size() == 1 || cheap_again(i));
  }

  // Readers come first: an op is written if one of them reads its memory.
  void find_written(int i) {
    const ir::Node& node = op(i);
    for (int r = 0; r < node.num_results; ++r) {
      const int v = node.result(r).index;
      if (!ordered_[v].empty() && !written_in_order(i)) direct_[v] = 1;
      const bool read = direct_[v] || returned_[v] || !inside_[v];
      if (hands_on(node))
        inside_[v] = direct_[v] = direct_[v] || returned_[v] || inside_[v];
      else
        out_.written[v] = loop_[i] ? read && (direct_[v] || returned_[v] || ordered_[v].empty())
                                   : !ir::is_constant_like(node.kind);
    }
    for (size_t k = 0; k < node.operands.size(); ++k) {
      const ir::ValueId v = node.operands[k];
      if (node.kind == OpKind::kDotGeneral) {
        if (auto order = contraction_order(graph_, node, k); !order.empty()) {
          ordered_[v.index][order].push_back(i);
          continue;
        }
      }
      (runs_inside(maker(v), i) ? inside_ : direct_)[v.index] = 1;
    }
    for (const auto v : ir::captures(graph_, node)) direct_[v.index] = 1;
    out_.in_place[i] = loop_[i] && out_.written[node.result().index];
  }

  // The values whose memory op i reads when it runs, also by what runs inside of it.
  void collect(int i, std::vector<int>& found, std::vector<int>& open) {
    for (size_t k = 0; k < op(i).operands.size(); ++k) {
      const ir::ValueId v = op(i).operands[k];
      if (op(i).kind == OpKind::kDotGeneral && is_ordered(v, i)) continue;
      const int from = maker(v);
      if (from >= 0 && (hands_on(op(from)) || (runs_inside(from, i) && !out_.written[v.index]) ||
                        (runs_inside(from, i) && cheap_again(from))))
        open.push_back(from);
      else
        found.push_back(v.index);
    }
    for (const auto v : ir::captures(graph_, op(i))) found.push_back(v.index);
  }
  bool is_ordered(ir::ValueId v, int i) const {
    for (const auto& [order, dots] : ordered_[v.index])
      if (std::find(dots.begin(), dots.end(), i) != dots.end()) return true;
    return false;
  }
  bool runs_apart(int i) const {
    if (hands_on(op(i))) return false;
    return !loop_[i] || out_.written[op(i).result().index] || !ordered_[op(i).result().index].empty();
  }
  void find_reads(int i) {
    if (!runs_apart(i)) return;
    std::vector<int> open = {i}, seen;
    while (!open.empty()) {
      const int at = open.back();
      open.pop_back();
      if (std::find(seen.begin(), seen.end(), at) != seen.end()) continue;
      seen.push_back(at);
      collect(at, reads_[i], open);
    }
    std::sort(reads_[i].begin(), reads_[i].end());
    reads_[i].erase(std::unique(reads_[i].begin(), reads_[i].end()), reads_[i].end());
  }

  // --- order ---

  // List scheduling: of the ops that can run, always the one that leaves least in use.
  void order_ops() {
    unread_.resize(graph_.num_values());
    for (int i = 0; i < count_; ++i)
      for (const int v : reads_[i]) unread_[v].insert(i);
    const auto readers = readers_by_op();
    missing_.assign(count_, 0);
    for (const auto& of_one : readers)
      for (const int reader : of_one) ++missing_[reader];
    out_.time.assign(count_, -1);
    key_.assign(count_, 0);
    for (int i = 0; i < count_; ++i)
      if (missing_[i] == 0) make_ready(i);
    while (!ready_.empty()) {
      const int i = std::get<2>(*ready_.begin());
      ready_.erase(ready_.begin());
      run_op(i, readers[i]);
    }
  }

  // By op: those that read its results.
  std::vector<std::vector<int>> readers_by_op() const {
    std::vector<std::vector<int>> all(count_);
    for (int i = 0; i < count_; ++i) {
      for (int r = 0; r < op(i).num_results; ++r) {
        const auto& readers = readers_[op(i).result(r).index];
        all[i].insert(all[i].end(), readers.begin(), readers.end());
      }
      std::sort(all[i].begin(), all[i].end());
      all[i].erase(std::unique(all[i].begin(), all[i].end()), all[i].end());
    }
    return all;
  }

  // A constant, or a loop over nothing but arguments.
  bool reads_arguments(int i) const {
    if (ir::is_constant_like(op(i).kind)) return true;
    return out_.in_place[i] && !reads_[i].empty() &&
           std::all_of(reads_[i].begin(), reads_[i].end(), [&](int v) {
             const int from = maker(ir::ValueId(v));
             return from < 0 || ir::is_constant_like(op(from).kind);
           });
  }
  int module_of(int i) const { return module_.empty() ? 0 : module_[i]; }
  void make_ready(int i) {
    key_[i] = reads_arguments(i) ? std::numeric_limits<int64_t>::min() : adds(i);
    ready_.insert({module_of(i), key_[i], i});
  }

  void run_op(int i, const std::vector<int>& readers) {
    out_.time[i] = static_cast<int>(out_.order.size());
    out_.order.push_back(i);
    for (const int v : reads_[i]) {
      unread_[v].erase(i);
      if (unread_[v].size() != 1) continue;  // else the last one would free it
      const int last = *unread_[v].begin();
      if (ready_.erase({module_of(last), key_[last], last}) > 0) make_ready(last);
    }
    for (const int reader : readers)
      if (--missing_[reader] == 0) make_ready(reader);
  }

  // Bytes in use after an op, less those before it.
  int64_t adds(int i) const {
    int64_t sum = 0;
    for (int r = 0; r < op(i).num_results; ++r) {
      const int v = op(i).result(r).index;
      if (out_.written[v] && !taken_over_[v]) sum += bytes(v);
      for (const auto& copy : ordered_[v]) sum += copy.second.empty() ? 0 : bytes(v);
    }
    for (const int v : reads_[i])
      if (unread_[v].size() == 1 && out_.written[v] && !returned_[v]) sum -= bytes(v);
    return sum;
  }

  void find_last_reads() {
    out_.last_read.assign(graph_.num_values(), -1);
    const auto read = [&](int v, int at) { out_.last_read[v] = std::max(out_.last_read[v], at); };
    for (int i = 0; i < count_; ++i)
      for (const int v : reads_[i]) read(v, out_.time[i]);
    for (const auto v : graph_.results()) {
      ir::ValueId at = v;  // under whatever name
      while (maker(at) >= 0 && hands_on(op(maker(at)))) at = handed(at);
      read(at.index, count_);
    }
    for (int v = 0; v < graph_.num_values(); ++v)
      for (const auto& [order, dots] : ordered_[v]) {
        int until = 0;
        for (const int i : dots) until = std::max(until, out_.time[i]);
        const int from = maker(ir::ValueId(v));
        const int made = from < 0 ? 0 : out_.time[from];
        out_.copies.push_back({ir::ValueId(v), made, until});
        if (!written_in_order(from)) read(v, made);
      }
  }
  ir::ValueId handed(ir::ValueId v) const {
    const ir::Node& node = op(maker(v));
    for (int r = 0; r < node.num_results; ++r)
      if (node.result(r) == v) return node.operands[r];
    return node.operands[0];
  }

  const ir::Graph& graph_;
  const std::span<const int> module_;
  const int count_;
  std::vector<int> place_;  // by node: its position
  std::vector<std::vector<int>> readers_;
  std::vector<char> loop_, returned_, taken_over_;
  std::vector<char> inside_, direct_;  // by value: some op computes it again; some op reads its memory
  std::vector<std::map<std::vector<int64_t>, std::vector<int>>>
      ordered_;                          // by value and order of dims: who reads it so
  std::vector<std::vector<int>> reads_;  // by op that runs by itself
  std::vector<std::set<int>> unread_;    // by value: ops that will read its memory
  std::vector<int> missing_;             // by op: how many of those it reads from have not run
  std::vector<int64_t> key_;             // by op that can run: what it adds
  std::set<std::tuple<int, int64_t, int>> ready_;
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

Lifetimes lifetimes(const ir::Graph& graph, std::span<const int> alias, std::span<const int> module) {
  return Scan(graph, alias, module).run();
}

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
