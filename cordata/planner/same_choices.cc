// SPDX-License-Identifier: Apache-2.0
#include "cordata/planner/same_choices.h"

#include <algorithm>

#include "cordata/base/error.h"
#include "cordata/cost/meshes.h"
#include "cordata/planner/stage_solver.h"

namespace cordata::planner {
namespace {

constexpr double kUnlimited = 1e18;  // bytes

// By stage, what its ops do, by op of the step before anything is computed again.
std::vector<LayerCosts::ByBase> strategies_of(const plan::Plan& plan, const step::RematStep& planned) {
  const auto cut = plan::planned_cut(planned, plan);
  std::vector<LayerCosts::ByBase> out(plan.stages.size());
  for (size_t s = 0; s < plan.stages.size(); ++s)
    for (size_t i = 0; i < plan.stages[s].sharding.ops.size(); ++i) {
      const int from = cut.stages[s].origin[i];
      const int base = from < 0 ? -1 : planned.origin[from];
      if (base < 0) continue;
      auto& known = out[s][base];
      const auto& strategy = plan.stages[s].sharding.ops[i];
      if (std::find(known.begin(), known.end(), strategy) == known.end()) known.push_back(strategy);
    }
  return out;
}

StageKey key_of(const plan::Plan& plan, size_t s) {
  const auto& stage = plan.stages[s];
  const int left = static_cast<int>(plan.stages.size() - s);
  return {stage.first_layer, stage.first_layer + stage.num_layers, stage.ranks.front(),
          static_cast<int>(stage.ranks.size()),
          plan.schedule == "gpipe" ? plan.microbatches : std::min(left, plan.microbatches)};
}

StageProblem problem_of(const plan::Plan& plan) {
  StageProblem out;
  out.devices = plan.cluster.num_devices();
  out.microbatches = plan.microbatches;
  out.cores_shared_by = plan.cluster.cores_shared_by;
  return out;
}

}  // namespace

plan::Plan with_remat(const step::TrainStep& step, const plan::Plan& plan, step::Remat remat) {
  const auto base = step::build_joint(step, plan.microbatches);
  const auto strategies = strategies_of(plan, plan::planned_step(base, plan));
  plan::Plan out = plan;
  out.stages.clear();
  out.peak_memory = base::Bytes(0);
  out.remat.assign(plan.num_layers, remat);
  const auto planned = plan::planned_step(base, out);
  PlannerLog log;
  StageSolver::Cache cache;
  StageSolver solver(planned.joint, planned.layers, plan.num_layers, plan.cluster, {}, kUnlimited, cache, log,
                     planned.origin);
  std::vector<StageKey> keys;
  std::vector<StageSolver::Given> given;
  for (size_t s = 0; s < plan.stages.size(); ++s) {
    keys.push_back(key_of(plan, s));
    const auto views = cost::logical_views(keys[s].devices);
    const auto view = std::find(views.begin(), views.end(), plan.stages[s].mesh.shape);
    if (view == views.end())
      throw base::user_error("[planner] stages[{}].mesh: wanted one or two axes, got {}; try --replan", s,
                             sharding::to_string(plan.stages[s].mesh));
    given.push_back({static_cast<size_t>(view - views.begin()), strategies[s]});
  }
  std::vector<double> costs(keys.size());
  if (const auto misfit = solver.fill(out, keys, given, &costs))
    throw base::user_error("[planner] remat={}: the strategies of stage {} can't be kept; try --replan",
                           step::name(remat), *misfit);
  out.step = base::Seconds(step_seconds(problem_of(out), keys, costs));
  return out;
}

}  // namespace cordata::planner
