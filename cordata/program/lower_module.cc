// SPDX-License-Identifier: Apache-2.0
#include "cordata/program/lower_module.h"

#include <algorithm>
#include <numeric>

#include "cordata/base/error.h"
#include "cordata/ir/text.h"
#include "cordata/program/lower_stage.h"

namespace cordata::program {
namespace {

using partition::PortRef;

constexpr const char* kName = "step";  // as partition calls what a stage runs at once

// `module`: null where it has no results, hence no ports.
RankProgram rank_program(const partition::Module* module, const plan::Stage& stage, int device) {
  RankProgram rank{.rank = stage.ranks[device], .stage = 0, .index_in_mesh = device, .modules = {0}};
  Instruction run{OpCode::kRun};
  run.module = 0;
  run.label = kName;
  if (module) {
    run.results.resize(module->results.size());
    std::iota(run.results.begin(), run.results.end(), 0);
    rank.num_slots = static_cast<int>(run.results.size());
    for (const PortRef& p : module->args) {
      if (p.kind != PortRef::Kind::kDeviceIndex)
        throw base::internal_error("[program.lower] wanted a module without arguments, got value {}",
                                   p.value);
      rank.device_index = rank.num_slots++;
      run.args.push_back(rank.device_index);
    }
  }
  rank.setup = {std::move(run)};
  return rank;
}

}  // namespace

ModuleProgram lower_module(const step::Cut& module, const plan::Plan& plan, partition::CollectiveMode mode) {
  const plan::Stage& stage = plan.stages.front();
  const ir::Graph& graph = module.stages.front().graph;
  const auto modules = partition::partition_stage(module.stages.front(), stage.sharding, stage.mesh, 1,
                                                  /*single_stage=*/true, mode);
  if (modules.modules.size() > 1)
    throw base::internal_error("[program.lower] wanted one module, got {}", modules.modules.size());
  const partition::Module* only = modules.modules.empty() ? nullptr : &modules.modules.front();

  ModuleProgram out;
  out.program.num_ranks = static_cast<int>(stage.ranks.size());
  out.program.schedule = plan.schedule;
  add_stage_modules(out.program, modules, stage, 0);
  // One that hands nothing back isn't cut: every rank runs it as it is.
  if (!only) out.program.modules.push_back({kName, 0, ir::write_module(graph), {}, {}, {}, false, {}});
  for (int device = 0; device < out.program.num_ranks; ++device)
    out.program.ranks.push_back(rank_program(only, stage, device));
  for (size_t r = 0; r < graph.results().size(); ++r) {
    const auto at = std::ranges::find_if(only->results, [&](const PortRef& p) {
      return p.value == graph.results()[r].index && p.sharding == stage.sharding.results[r];
    });
    out.results.push_back(static_cast<Slot>(at - only->results.begin()));
  }
  return out;
}

}  // namespace cordata::program
