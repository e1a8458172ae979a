// SPDX-License-Identifier: Apache-2.0
#include "cordata/planner/intra_op/alternatives.h"

#include <algorithm>
#include <map>
#include <utility>

#include "cordata/base/error.h"

namespace cordata::planner {
namespace {

using Node = BuiltProblem::Node;
using sharding::Sharding;

template <typename T>
int place(const std::vector<T>& all, const T& wanted, const char* what, int index) {
  const auto at = std::find(all.begin(), all.end(), wanted);
  if (at == all.end())
    throw base::user_error(
        "[planner.intra_op] wanted a sharding that can be chosen for {} {}, got another; was the plan "
        "edited?",
        what, index);
  return static_cast<int>(at - all.begin());
}

// Sums that stay infinite.
int64_t plus(int64_t a, int64_t b) { return a == kInfinite || b == kInfinite ? kInfinite : a + b; }

base::Seconds seconds(int64_t picoseconds) { return base::Seconds(static_cast<double>(picoseconds) * 1e-12); }

}  // namespace

std::vector<int> encode(const BuiltProblem& built, const StageView& stage, const plan::StageSharding& plan) {
  std::vector<int> choice(built.nodes.size(), 0);
  std::vector<Sharding> kept(stage.values.size());  // K(v), once all own hubs are known
  for (size_t n = 0; n < built.nodes.size(); ++n) {
    const Node& node = built.nodes[n];
    if (node.kind == Node::Kind::kArg) {
      kept[stage.args[node.index]] = plan.args.at(node.index);
      choice[n] = place(node.shardings, plan.args[node.index], "argument", node.index);
    } else if (node.kind == Node::Kind::kOp) {
      const auto& op = stage.ops[node.index];
      choice[n] = place(node.strategies, plan.ops.at(node.index), "op", node.index);
      for (size_t k = 0; k < op.results.size() && k < op.rule.results.size(); ++k)
        kept[op.results[k]] = sharding::result_sharding(op.rule, plan.ops[node.index], static_cast<int>(k));
    }
  }
  std::map<std::pair<int, step::Pass>, Sharding> hubs;
  for (const auto& h : plan.hubs) hubs[{h.value, h.pass}] = h.sharding;
  const auto set_hubs = [&](bool own) {
    for (size_t n = 0; n < built.nodes.size(); ++n) {
      const Node& node = built.nodes[n];
      if (node.kind != Node::Kind::kHub || built.own_hub[n] != own) continue;
      const auto it = hubs.find({node.index, node.pass});
      const Sharding at = it == hubs.end() ? kept[node.index] : it->second;
      choice[n] = place(node.shardings, at, "value", node.index);
      if (own) kept[node.index] = at;
    }
  };
  set_hubs(true);
  set_hubs(false);
  for (size_t r = 0; r < built.result_node.size(); ++r) {
    const int n = built.result_node[r];
    if (built.nodes[n].kind == Node::Kind::kResult)
      choice[n] = place(built.nodes[n].shardings, plan.results.at(r), "result", static_cast<int>(r));
  }
  return choice;
}

std::vector<OpCost> op_costs(const BuiltProblem& built, const StageView& stage,
                             const std::vector<int>& choice, size_t most) {
  const auto& problem = built.problem;
  std::vector<std::vector<const Problem::Edge*>> edges(problem.nodes.size());
  for (const auto& e : problem.edges) {
    edges[e.u].push_back(&e);
    edges[e.v].push_back(&e);
  }
  const auto around = [&](int n, int i) {  // what the node's edges cost if it chose i
    int64_t sum = 0;
    for (const auto* e : edges[n]) {
      const int u = e->u == n ? i : choice[e->u], v = e->v == n ? i : choice[e->v];
      sum = plus(sum, e->cost[static_cast<size_t>(u) * problem.nodes[e->v].cost.size() + v]);
    }
    return sum;
  };
  std::vector<OpCost> costs(stage.ops.size());
  for (size_t n = 0; n < built.nodes.size(); ++n) {
    const Node& node = built.nodes[n];
    if (node.kind != Node::Kind::kOp) continue;
    OpCost& cost = costs[node.index];
    const int id = static_cast<int>(n);
    const int64_t own = problem.nodes[n].cost[choice[n]], reshard = around(id, choice[n]);
    cost.compute = seconds(own);
    cost.reshard = seconds(reshard);
    for (size_t i = 0; i < node.strategies.size(); ++i) {
      const int64_t total = plus(problem.nodes[n].cost[i], around(id, static_cast<int>(i)));
      if (static_cast<int>(i) == choice[n] || total == kInfinite) continue;
      cost.others.push_back({node.strategies[i], seconds(total - own - reshard)});
    }
    std::stable_sort(cost.others.begin(), cost.others.end(),
                     [](const Alternative& a, const Alternative& b) { return a.more < b.more; });
    if (cost.others.size() > most) cost.others.resize(most);
  }
  return costs;
}

}  // namespace cordata::planner
