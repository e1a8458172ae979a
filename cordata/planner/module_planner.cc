// SPDX-License-Identifier: Apache-2.0
#include "cordata/planner/module_planner.h"

#include <algorithm>
#include <numeric>

#include "cordata/base/error.h"
#include "cordata/cost/meshes.h"
#include "cordata/ir/structural_hash.h"
#include "cordata/planner/intra_op/build.h"
#include "cordata/planner/intra_op/describe.h"
#include "cordata/planner/intra_op/solve.h"

namespace cordata::planner {
namespace {

using sharding::Strategy;

bool any_factor(const ir::FactorRule&, int) { return true; }
bool no_factor(const ir::FactorRule&, int) { return false; }

// The first dim of a result.
bool leads(const ir::FactorRule& rule, int factor) {
  return std::ranges::any_of(rule.results, [&](const ir::TensorFactors& t) {
    return !t.empty() && std::ranges::find(t[0], factor) != t[0].end();
  });
}

struct Row {
  const char* name;
  bool (*may_split)(const ir::FactorRule& rule, int factor);
  bool must_split;  // on as many axes as it may
};
constexpr Row kRows[] = {{"auto", any_factor, false},
                         {"single", no_factor, true},
                         {"data", leads, true},
                         {"tensor", any_factor, true}};

const Row& row_of(const std::string& name) {
  for (const Row& row : kRows)
    if (name == row.name) return row;
  std::string all;
  for (const Row& row : kRows) all += (all.empty() ? "" : ", ") + std::string(row.name);
  throw base::user_error("[planner.module] wanted one of {} for a module that is no train step, got '{}'",
                         all, name);
}

// Axes on which a strategy splits the op; -1 when it splits what the planner leaves whole.
int split_axes(const Row& row, const ir::FactorRule& rule, const Strategy& s) {
  int n = 0;
  for (const sharding::AxisUse use : s.use) {
    if (use >= 0 && !row.may_split(rule, use)) return -1;
    n += use >= 0;
  }
  return n;
}

Restriction restriction_of(const Row& row, const StageView& stage, const sharding::Mesh& mesh) {
  std::vector<int> most;  // by op
  for (const auto& op : stage.ops) {
    int best = 0;
    for (const Strategy& s : sharding::enumerate_strategies(op.rule, mesh))
      best = std::max(best, split_axes(row, op.rule, s));
    most.push_back(best);
  }
  Restriction r;
  r.op = [&row, most](const StageView& view, int op, const Strategy& s) {
    const int n = split_axes(row, view.ops[op].rule, s);
    return row.must_split ? n == most[op] : n >= 0;
  };
  return r;
}

struct Found {
  plan::Stage stage;
  double seconds = 0;
  int sharded = 0;
};

int num_sharded(const plan::StageSharding& sharding) {
  return static_cast<int>(std::ranges::count_if(sharding.ops, [](const Strategy& s) {
    return std::ranges::any_of(s.use, [](sharding::AxisUse use) { return use >= 0; });
  }));
}

}  // namespace

std::vector<std::string> module_planner_names() {
  std::vector<std::string> names;
  for (const Row& row : kRows) names.emplace_back(row.name);
  return names;
}

int num_sharded_ops(const plan::Plan& plan) { return num_sharded(plan.stages.front().sharding); }

plan::Plan plan_module(const step::Cut& module, const cluster::Cluster& cluster, const std::string& name) {
  const Row& row = row_of(name);
  const auto view = describe(module.stages[0], cluster, 0, cluster.num_devices(), 1, 1);
  std::optional<Found> best;
  for (const auto& shape : cost::logical_views(cluster.num_devices())) {
    Found found;
    found.stage.mesh = cost::make_mesh(cluster, 0, shape);
    const auto built = build_problem(view, found.stage.mesh, restriction_of(row, view, found.stage.mesh));
    const auto solution = solve(built.problem);
    if (!solution.feasible) continue;
    found.stage.sharding = decode(built, view, solution.choice);
    found.stage.predicted.gap = solution.gap();
    found.seconds = static_cast<double>(solution.cost) * 1e-12;
    found.sharded = row.must_split ? num_sharded(found.stage.sharding) : 0;
    if (!best || found.sharded > best->sharded ||
        (found.sharded == best->sharded && found.seconds < best->seconds))
      best = std::move(found);
  }
  if (!best)
    throw base::Error(
        base::ErrorKind::kInfeasible,
        fmt::format("[planner.module] no sharding of this module is one of {}; try auto", name));

  plan::Plan plan;
  plan.model_hash = ir::ValueHashes(module.stages[0].graph).all();
  plan.cluster = cluster;
  plan.planner = name;
  plan.schedule = "single";
  plan.layers.assign(view.ops.size(), 0);
  best->stage.num_layers = 1;
  best->stage.ranks.resize(cluster.num_devices());
  std::iota(best->stage.ranks.begin(), best->stage.ranks.end(), 0);
  plan.step = best->stage.predicted.forward = base::Seconds(best->seconds);
  plan.gap = best->stage.predicted.gap;
  plan.stages.push_back(std::move(best->stage));
  plan.bill = plan::bill(plan, module);
  return plan;
}

}  // namespace cordata::planner
