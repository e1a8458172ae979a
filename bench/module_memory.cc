// SPDX-License-Identifier: Apache-2.0
// What each module of a plan needs while it runs, besides its arguments: as the plugin's compiler says, and
// as simulate::module_cost models it. bench_module_memory MODEL PLANNER RANKS MICROBATCHES REMAT; prints a
// table. With XLA_FLAGS=--xla_dump_to=DIR the plugin also leaves its buffer assignments.
#include <fmt/format.h>

#include <cstdio>
#include <exception>
#include <set>

#include "cordata/base/error.h"
#include "cordata/base/table.h"
#include "cordata/cluster/presets.h"
#include "cordata/models/zoo.h"
#include "cordata/planner/planner.h"
#include "cordata/program/program.h"
#include "cordata/runtime/collectives/handlers.h"
#include "cordata/runtime/pjrt/client.h"
#include "cordata/simulate/module_cost.h"

namespace {

using namespace cordata;

std::string kib(double bytes) { return fmt::format("{:.1f}", bytes / 1024); }

void compare(const std::string& model, const planner::PlannerOptions& options, int ranks) {
  const auto step = models::build_train_step(model);
  const auto plan = planner::plan(step, cluster::local(ranks), options);
  const auto program =
      program::lower(plan::planned_step(step, plan), step, plan, partition::CollectiveMode::kCustomCall);
  const auto& plugin = runtime::Plugin::load(runtime::plugin_path());
  runtime::register_collectives(plugin);
  const runtime::Client client(plugin, {.devices = 1, .threads = 1, .asynchronous = false});
  std::vector<std::vector<std::string>> rows = {{"stage", "module", "arguments", "results", "in place",
                                                 "temporaries", "needed KiB", "modelled KiB", ""}};
  for (const auto& module : program.modules) {
    const auto memory = client.compile(module.text).memory();
    const double needed = (memory.results - memory.aliased + memory.temporaries).value;
    const double modelled = simulate::module_cost(module, plan.cluster.device).transient.value;
    rows.push_back({std::to_string(module.stage), module.name, kib(memory.arguments.value),
                    kib(memory.results.value), kib(memory.aliased.value), kib(memory.temporaries.value),
                    kib(needed), kib(modelled),
                    needed > 0 ? fmt::format("{:+.1f} %", 100 * (modelled / needed - 1)) : ""});
  }
  fmt::print("{}", base::table(rows));
}

}  // namespace

int main(int argc, char** argv) {
  try {
    if (argc != 6)
      throw base::user_error("wanted MODEL PLANNER RANKS MICROBATCHES REMAT, got {} words", argc - 1);
    planner::PlannerOptions options;
    options.name = argv[2], options.microbatches = std::stoi(argv[4]),
    options.remat = step::remat_named(argv[5]);
    compare(argv[1], options, std::stoi(argv[3]));
    return 0;
  } catch (const std::exception& error) {
    fmt::print(stderr, "bench_module_memory: {}\n", error.what());
    return 1;
  }
}
