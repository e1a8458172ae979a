// SPDX-License-Identifier: Apache-2.0
#include <CLI/CLI.hpp>

#include "cordata/cli/model_source.h"
#include "cordata/cli/names.h"
#include "cordata/cli/validate_job.h"
#include "cordata/cli/verbs/verbs.h"

namespace cordata::cli {

Verb validate_verb() {
  return {"validate",
          "Run a set of plans on ranks of this machine: predicted beside measured time and memory",
          "  cordata validate -o out                              a GPT and an MLP under 28 plans on 4 "
          "ranks; minutes\n"
          "  cordata validate gpt:layers=2 --cluster local:2 --bind   a model of yours, ranks bound to a "
          "core each\n"
          "  cordata validate --plans plans.json --rounds 3       [{\"model\": \"gpt\", \"planner\": "
          "\"data\"}, ...], each "
          "run three times in turn\n",
          [](CLI::App& app) -> std::function<Answer(const Context&)> {
            auto o = std::make_shared<ValidateOptions>();
            app.add_option("model", o->models,
                           std::string(kModelHelp) + "; several: each (default: a GPT and an MLP)");
            app.add_option("--cluster", o->cluster,
                           std::string(kClusterHelp) + ", of ranks that this machine can start")
                ->capture_default_str();
            app.add_option(
                "--plans", o->plans_file,
                "A JSON list of {model, planner, microbatches, remat, memory_limit} (default: data, zero-2, "
                "zero-3, tensor, pipelines, auto; with microbatches and rematerialisation)");
            app.add_option("--steps", o->steps, "Steps of each run (default 20)")->check(at_least(1));
            app.add_option("--rounds", o->rounds, "Runs of each plan, in turn; the median counts (default 1)")
                ->check(at_least(1));
            app.add_flag("--bind", o->bind, "Bind each rank to a core of its own");
            app.add_option("-o,--output", o->directory,
                           "Write validation.json and validation.svg to this folder");
            app.add_option("--plugin", o->plugin,
                           "PJRT plugin (default: $CORDATA_PJRT_PLUGIN, else the CPU one)");
            app.add_option("--time-limit", o->time_limit, "Seconds that any wait may take (default 600)")
                ->check(some_seconds());
            return [o](const Context& context) { return validate(*o, context); };
          }};
}

}  // namespace cordata::cli
