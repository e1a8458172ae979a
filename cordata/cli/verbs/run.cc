// SPDX-License-Identifier: Apache-2.0
#include <fmt/ranges.h>

#include <CLI/CLI.hpp>

#include "cordata/cli/names.h"
#include "cordata/cli/run_job.h"
#include "cordata/cli/verbs/verbs.h"
#include "cordata/planner/module_planner.h"

namespace cordata::cli {

Verb run_verb() {
  return {"run", "Run modules, sharded over ranks, and evaluate the checks they make",
          "  cordata run add.mlir                        its check.expect_* calls; exit status 5 when one "
          "doesn't hold\n"
          "  cordata run add.mlir --json                 checks, passed, and what differs\n"
          "  cordata run *.mlir -n 4 --planner tensor    many modules in one launch, every op split where it "
          "can be\n"
          "  cordata run add.mlir -n 4 --programs dir    what each rank compiles is left in dir/add\n",
          [](CLI::App& app) -> std::function<Answer(const Context&)> {
            auto o = std::make_shared<RunOptions>();
            app.add_option("file", o->files, "StableHLO modules that carry their inputs")->required();
            app.add_option("-n,--ranks", o->ranks, "Ranks to start (default 1: one device, in this process)")
                ->check(at_least(1));
            app.add_option(
                   "--planner", o->planner,
                   fmt::format("What is sharded: {}", fmt::join(planner::module_planner_names(), ", ")))
                ->capture_default_str();
            app.add_option("--programs", o->programs, std::string(kProgramsHelp));
            app.add_option("--plugin", o->plugin,
                           "A PJRT plugin (default: $CORDATA_PJRT_PLUGIN, else the CPU one of tools/setup)");
            app.add_option("--time-limit", o->time_limit, "Seconds that any wait may take (default 600)")
                ->check(some_seconds());
            return [o](const Context& context) { return run_modules(*o, context); };
          }};
}

}  // namespace cordata::cli
