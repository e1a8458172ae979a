// SPDX-License-Identifier: Apache-2.0
#include "cordata/cli/explain_plan.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <map>
#include <tuple>

#include "cordata/base/error.h"
#include "cordata/ir/factor_name.h"
#include "cordata/planner/intra_op/alternatives.h"
#include "cordata/planner/intra_op/describe.h"
#include "cordata/planner/intra_op/local_time.h"
#include "cordata/planner/planner.h"

namespace cordata::cli {
namespace {

constexpr size_t kWaysShown = 3;

std::string words(const ir::Type& type) {
  if (!type.is_tensor()) return ir::to_string(type);
  return fmt::format("{}[{}]", ir::name(type.dtype), fmt::join(type.shape, ","));
}

std::string types_of(const ir::Graph& graph, const ir::Node& node) {
  std::string text;
  for (const auto v : node.operands) text += (text.empty() ? "" : ", ") + words(graph.type(v));
  text += text.empty() ? "" : " -> ";
  for (int r = 0; r < node.num_results; ++r) text += (r ? ", " : "") + words(graph.type(node.result(r)));
  return text;
}

std::string short_kind(ir::OpKind kind) {
  const std::string_view name = ir::name(kind);
  return std::string(name.substr(name.rfind('.') + 1));
}

// By mesh axis, the factor of the rule that it splits: "i, k". "-": nothing is split; "sums": summands are
// passed through.
std::string strategy_words(const sharding::Strategy& strategy, const sharding::Mesh& mesh) {
  std::string text;
  for (int a = 0; a < mesh.num_axes(); ++a) {
    const auto use = strategy.use[a];
    text += (a ? ", " : "") +
            (use >= 0 ? ir::factor_name(use) : std::string(sharding::is_linear(use) ? "sums" : "-"));
  }
  return text;
}

// One stage of a plan with all that its explanation is made of.
struct Stage {
  const step::RematStep& planned;
  const step::StageGraph& graph;
  const plan::Stage& plan;
  planner::StageView view;
  std::vector<planner::OpCost> costs;
};

report::OpGroup describe_op(const Stage& s, int op) {
  const auto& graph = s.graph.graph;
  const auto& node = graph.node(graph.ops()[op]);
  const auto& rule = s.view.ops[op].rule;
  const auto& strategy = s.plan.sharding.ops[op];
  report::OpGroup g;
  g.pass = step::name(s.graph.pass[op].phase);
  g.kind = short_kind(node.kind);
  g.types = types_of(graph, node);
  g.rule = ir::to_string(rule);
  g.strategy = strategy_words(strategy, s.plan.mesh);
  if (node.num_results > 0 && graph.type(node.result()).is_tensor())
    g.result = sharding::to_string(sharding::result_sharding(rule, strategy, 0), graph.type(node.result()),
                                   s.plan.mesh);
  g.measured = planner::is_measured(s.view, s.view.ops[op], strategy, s.plan.mesh);
  g.replicated = s.plan.mesh.size() > 1 && strategy == sharding::Strategy{};
  return g;
}

std::vector<report::OpGroup> group_ops(const Stage& s) {
  std::vector<report::OpGroup> groups;
  std::map<std::tuple<std::string, std::string, std::string, std::string>, size_t> index;
  for (int op = 0; op < static_cast<int>(s.view.ops.size()); ++op) {
    if (s.view.ops[op].constant_like) continue;
    auto g = describe_op(s, op);
    const auto [it, fresh] = index.try_emplace({g.pass, g.kind, g.types, g.strategy}, groups.size());
    if (fresh) {
      for (const auto& other : s.costs[op].others)
        g.others.push_back({strategy_words(other.strategy, s.plan.mesh), other.more});
      groups.push_back(std::move(g));
    }
    report::OpGroup& group = groups[it->second];
    ++group.count;
    const int from = s.graph.origin[op];
    if (from >= 0 && s.planned.origin[from] >= 0) group.base_ops.push_back(s.planned.origin[from]);
    group.compute += s.costs[op].compute;
    group.reshard += s.costs[op].reshard;
  }
  return groups;
}

std::string role_of(const step::StageArg& arg) {
  switch (arg.kind) {
    case step::ArgKind::kParam:
      return arg.owner ? "parameter" : "copy of a parameter";
    case step::ArgKind::kOptState:
      return "optimizer state";
    case step::ArgKind::kState:
      return "model state";
    case step::ArgKind::kBatch:
      return "batch";
    case step::ArgKind::kKey:
      return "key";
    case step::ArgKind::kReceived:
      return "received";
  }
  return "";
}

void add_resting(const Stage& s, report::StageExplanation& out) {
  const auto& graph = s.graph.graph;
  std::map<std::tuple<std::string, std::string, std::string>, size_t> index;
  for (size_t a = 0; a < s.graph.args.size(); ++a) {
    const auto value = graph.args()[a];
    const auto& type = graph.type(value);
    const auto& at = s.plan.sharding.args[a];
    if (!type.is_tensor()) continue;
    const auto local = sharding::local_type(type, at, s.plan.mesh);
    const base::Bytes bytes(static_cast<double>(local.num_bytes()));
    report::RestingGroup g{role_of(s.graph.args[a]),
                           words(type),
                           sharding::to_string(at, type, s.plan.mesh),
                           words(local),
                           graph.value(value).name,
                           0,
                           {}};
    const auto [it, fresh] = index.try_emplace({g.role, g.type, g.sharding}, out.resting.size());
    if (fresh) out.resting.push_back(g);
    ++out.resting[it->second].count;
    out.resting[it->second].per_device += bytes;
    if (s.graph.args[a].kind == step::ArgKind::kParam) out.parameters += bytes;
    if (s.graph.args[a].kind == step::ArgKind::kOptState) out.optimizer += bytes;
  }
}

report::StageExplanation explain_stage(const Stage& s) {
  report::StageExplanation out;
  out.ops = group_ops(s);
  add_resting(s, out);
  for (size_t op = 0; op < s.view.ops.size(); ++op) {
    if (!s.view.ops[op].accumulate) continue;
    const auto& type = s.view.values[s.view.ops[op].results[0]];
    const auto at = sharding::result_sharding(s.view.ops[op].rule, s.plan.sharding.ops[op], 0);
    out.accumulators +=
        base::Bytes(static_cast<double>(sharding::local_type(type, at, s.plan.mesh).num_bytes()));
  }
  const auto staying = out.parameters + out.optimizer + out.accumulators;
  out.passing = std::max(base::Bytes(0), s.plan.predicted.peak_memory - staying);
  return out;
}

}  // namespace

report::Explanation explain_plan(const plan::Plan& plan, const step::TrainStep& step) {
  const auto planned = plan::planned_step(step, plan);
  plan::validate(plan, planned);
  const auto cut = plan::planned_cut(planned, plan);
  report::Explanation e;
  e.plan = plan;
  e.unit = step.unit;
  e.units_per_step = static_cast<double>(step.batch * step.units_per_sample);
  for (size_t i = 0; i < plan.stages.size(); ++i) {
    const auto& stage = plan.stages[i];
    Stage s{planned,
            cut.stages[i],
            stage,
            planner::describe(cut.stages[i], plan.cluster, stage.ranks.front(),
                              static_cast<int>(stage.ranks.size()), plan.microbatches, 1),
            {}};
    const auto built = planner::build_problem(s.view, stage.mesh);
    s.costs = planner::op_costs(built, s.view, planner::encode(built, s.view, stage.sharding), kWaysShown);
    e.stages.push_back(explain_stage(s));
  }
  return e;
}

std::vector<report::OtherPlan> compare_planners(const plan::Plan& plan, const step::TrainStep& step,
                                                const std::vector<std::string>& planners) {
  std::vector<report::OtherPlan> others;
  for (const std::string& name : planners) {
    report::OtherPlan other;
    other.planner = name;
    planner::PlannerOptions options;
    options.name = name;
    try {
      const auto found = planner::plan(step, plan.cluster, options);
      other.step = found.step;
      other.peak_memory = found.peak_memory;
      other.stages = static_cast<int>(found.stages.size());
      other.microbatches = found.microbatches;
    } catch (const base::Error& error) {
      if (error.kind() != base::ErrorKind::kUser && error.kind() != base::ErrorKind::kInfeasible) throw;
      other.refused = error.what();
    }
    others.push_back(std::move(other));
  }
  return others;
}

}  // namespace cordata::cli
