// SPDX-License-Identifier: Apache-2.0
#include "cordata/ir/autodiff.h"

#include <algorithm>

#include "cordata/base/error.h"
#include "cordata/ir/builder.h"
#include "cordata/ir/op_table.h"
#include "cordata/ir/structural_hash.h"

namespace cordata::ir {
namespace {

bool continuous(const Type& t) { return t.is_tensor() && (is_float(t.dtype) || is_complex(t.dtype)); }

// Reverse mode (Griewank and Walther 2008, ch. 3): the function's ops are copied as they stand, then walked backwards,
// each turning its results' cotangents into its operands'.
class Backward {
 public:
  Backward(const Graph& from, std::span<const int> wrt) : from_(from), builder_(from.name()), map_(from.num_values()),
      moves_(from.num_values(), false), cotangents_(from.num_values()) {
    for (int i : wrt) moves_[from.args()[i].index] = true;
  }

  Graph run(std::span<const int> wrt) {
    copy_forward();
    ValueId loss = from_.results()[0];
    cotangents_[loss.index] = builder_.constant(1, from_.type(loss).dtype);
    for (auto n = from_.ops().rbegin(); n != from_.ops().rend(); ++n) pull_back(from_.node(*n));
    std::vector<ValueId> results;
    for (ValueId v : from_.results()) results.push_back(map_[v.index]);
    for (int i : wrt) results.push_back(cotangent_or_zero(from_.args()[i]));
    std::vector<AttrDict> attrs = from_.result_attrs();
    if (!attrs.empty()) attrs.resize(results.size());
    return builder_.finish(std::move(results), std::move(attrs));
  }

 private:
  void copy_forward() {
    for (size_t i = 0; i < from_.args().size(); ++i) {
      ValueId arg = from_.args()[i];
      AttrDict attrs = i < from_.arg_attrs().size() ? from_.arg_attrs()[i] : AttrDict{};
      map_[arg.index] = builder_.arg(from_.type(arg), from_.value(arg).name, std::move(attrs));
    }
    builder_.set_module_attrs(from_.module_attrs());
    for (NodeId id : from_.ops()) {
      builder_.clone(from_, id, map_);
      const Node& n = from_.node(id);
      bool moves = moves_with(n.operands) || (!n.regions.empty() && moves_with(captures(from_, n)));
      for (int i = 0; i < n.num_results; ++i) moves_[n.result(i).index] = moves && continuous(from_.type(n.result(i)));
    }
  }

  // Whether one of the values depends, continuously, on what is differentiated by.
  bool moves_with(const std::vector<ValueId>& values) const {
    return std::ranges::any_of(values, [&](ValueId v) { return moves_[v.index]; });
  }

  void pull_back(const Node& n) {
    std::vector<ValueId> operands, results, cotangents, made(n.operands.size());
    std::vector<char> wanted;
    bool reached = false;
    for (int i = 0; i < n.num_results; ++i) {
      ValueId v = n.result(i);
      results.push_back(map_[v.index]);
      cotangents.push_back(moves_[v.index] ? cotangents_[v.index] : ValueId());
      reached = reached || cotangents.back().valid();
    }
    if (!reached) return;
    for (ValueId v : n.operands) {
      operands.push_back(map_[v.index]);
      wanted.push_back(moves_[v.index]);
    }
    const OpRow& r = row(n.kind);
    if (!r.vjp) {
      throw base::user_error("[ir.gradient] wanted ops with a derivative between the loss and what it is differentiated by, got {}{}",
                             name(n.kind), n.line > 0 ? fmt::format(" (line {})", n.line) : "");
    }
    VjpView view{builder_, from_, n, operands, results, cotangents, made, wanted};
    r.vjp(view);
    for (size_t i = 0; i < made.size(); ++i) {
      if (made[i].valid() && wanted[i]) flow_into(n.operands[i], made[i]);
    }
  }

  void flow_into(ValueId v, ValueId cotangent) {
    if (builder_.type(cotangent) != from_.type(v)) {
      throw base::internal_error("[ir.gradient] wanted a cotangent of {}, got {}", to_string(from_.type(v)),
                                 to_string(builder_.type(cotangent)));
    }
    ValueId& sum = cotangents_[v.index];
    sum = sum.valid() ? builder_.add(sum, cotangent) : cotangent;
  }

  ValueId cotangent_or_zero(ValueId v) {
    if (cotangents_[v.index].valid()) return cotangents_[v.index];
    const Type& t = from_.type(v);
    return builder_.constant(0, t.dtype, t.shape);
  }

  const Graph& from_;
  GraphBuilder builder_;
  std::vector<ValueId> map_;          // by value of from_: the builder's
  std::vector<char> moves_;           // by value of from_: depends on what is differentiated by
  std::vector<ValueId> cotangents_;   // by value of from_
};

// The graph without ops that nothing reads: cotangents of values that don't count, constants of formulas not used.
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

void check(const Graph& loss_fn, std::span<const int> wrt) {
  const Type* loss = loss_fn.results().empty() ? nullptr : &loss_fn.type(loss_fn.results()[0]);
  if (!loss || !loss->is_tensor() || loss->rank() != 0 || !is_float(loss->dtype)) {
    throw base::user_error("[ir.gradient] wanted a function whose first result is a scalar float, got {}",
                           loss ? to_string(*loss) : "no result");
  }
  for (int i : wrt) {
    bool there = i >= 0 && i < static_cast<int>(loss_fn.args().size());
    if (there && continuous(loss_fn.type(loss_fn.args()[i]))) continue;
    throw base::user_error("[ir.gradient] wanted float arguments to differentiate by, got argument {} {}", i,
                           there ? "of " + to_string(loss_fn.type(loss_fn.args()[i])) : "of a function that has fewer");
  }
}

}  // namespace

Graph gradient(const Graph& loss_fn, std::span<const int> wrt) {
  check(loss_fn, wrt);
  return without_dead_ops(Backward(loss_fn, wrt).run(wrt));
}

}  // namespace cordata::ir
