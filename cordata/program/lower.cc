// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <map>
#include <set>
#include <tuple>

#include "cordata/base/error.h"
#include "cordata/ir/text.h"
#include "cordata/program/collective_calls.h"
#include "cordata/program/lower_stage.h"

namespace cordata::program {
namespace {

using partition::PortRef;

ModuleText module_text(const partition::Module& module, int stage) {
  ModuleText text{module.name, stage, ir::write_module(module.graph), {}, {}, module.alias};
  for (const CollectiveCall& call : collective_calls(module.graph)) text.comms.push_back(call.comm);
  text.collective = !text.comms.empty();
  for (const PortRef& a : module.args) text.args.push_back(a.local);
  for (const PortRef& r : module.results) text.results.push_back(r.local);
  return text;
}

ModuleText key_text(const ir::Graph& key, int stage) {
  ModuleText text{"key", stage, ir::write_module(key), {}, {}, std::vector<int>(key.args().size(), -1)};
  for (ir::ValueId v : key.args()) text.args.push_back(key.type(v));
  for (ir::ValueId v : key.results()) text.results.push_back(key.type(v));
  return text;
}

bool reads_key(const step::StageGraph& stage) {
  return std::any_of(stage.args.begin(), stage.args.end(),
                     [](const auto& a) { return a.kind == step::ArgKind::kKey; });
}

std::vector<std::vector<int>> rank_groups(const plan::Stage& stage, uint32_t axes) {
  std::vector<std::vector<int>> groups = stage.mesh.groups(axes);
  for (auto& group : groups)
    for (int& device : group) device = stage.ranks[device];
  return groups;
}

std::vector<BatchInput> batch_inputs(const step::JointStep& joint) {
  std::vector<BatchInput> inputs;
  for (size_t a = 0; a < joint.args.size(); ++a)
    if (joint.args[a].role == step::Role::kBatch)
      inputs.push_back({joint.args[a].name, joint.graph.type(joint.graph.args()[a]),
                        std::max(joint.args[a].batch_dim, 0)});
  return inputs;
}

}  // namespace

void add_stage_modules(Program& program, const partition::StageModules& modules, const plan::Stage& stage,
                       int index) {
  for (const partition::Module& m : modules.modules) program.modules.push_back(module_text(m, index));
  for (uint32_t axes : modules.axes_sets) program.communicators.push_back(rank_groups(stage, axes));
}

Program lower(const step::RematStep& planned, const step::TrainStep& step, const plan::Plan& plan,
              partition::CollectiveMode mode) {
  const step::JointStep& joint = planned.joint;
  const step::Cut cut = plan::planned_cut(planned, plan);
  const int stages = static_cast<int>(cut.stages.size());
  if (stages != static_cast<int>(plan.stages.size()))
    throw base::user_error("[program.lower] wanted a plan of {} stages for these layers, got {}", stages,
                           plan.stages.size());

  Program program;
  program.microbatches = joint.microbatches;
  program.batch = step.batch;
  program.schedule = plan.schedule;
  program.inputs = batch_inputs(joint);
  program.num_ranks = plan.cluster.num_devices();

  const Schedule schedule = make_schedule(plan.schedule, stages, joint.microbatches);
  for (int s = 0; s < stages; ++s) {
    const plan::Stage& stage = plan.stages[s];
    const partition::StageModules modules =
        partition::partition_stage(cut.stages[s], stage.sharding, stage.mesh, joint.microbatches, stages == 1,
                                   mode, static_cast<int>(program.communicators.size()));
    StageParts parts{modules, static_cast<int>(program.modules.size())};
    add_stage_modules(program, modules, stage, s);
    if (step.key && reads_key(cut.stages[s])) {
      parts.key_module = static_cast<int>(program.modules.size());
      program.modules.push_back(key_text(*step.key, s));
      parts.key_args = program.modules.back().args;
    }
    for (size_t k = 0; k < stage.ranks.size(); ++k)
      program.ranks.push_back(lower_rank(joint, cut, plan, s, static_cast<int>(k), parts, schedule[s]));
  }
  std::vector<bool> busy(program.num_ranks);
  for (const RankProgram& r : program.ranks) busy[r.rank] = true;
  for (int r = 0; r < program.num_ranks; ++r) {
    if (!busy[r]) program.ranks.push_back({.rank = r, .stage = -1});  // idle
  }
  std::sort(program.ranks.begin(), program.ranks.end(),
            [](const auto& a, const auto& b) { return a.rank < b.rank; });
  report_loss_at_rank_zero(program);
  return program;
}

}  // namespace cordata::program
