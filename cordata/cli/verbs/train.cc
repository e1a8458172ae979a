// SPDX-License-Identifier: Apache-2.0
// Started alone, the command plans and launches itself as ranks; a rank, or a process that the user's own
// mpirun started, runs.
#include <CLI/CLI.hpp>

#include "cordata/cli/train_job.h"
#include "cordata/cli/verbs/verbs.h"
#include "cordata/runtime/launch/rank.h"

namespace cordata::cli {

Verb train_verb() {
  return {"train", "Train over the ranks of a cluster, by a plan that is found or given",
          "  cordata train gpt:layers=4,hidden=256 -n 4 --steps 100               4 ranks on this machine\n"
          "  cordata train gpt -n 4 --data text.txt --checkpoint out              your bytes; parameters "
          "saved at the end\n"
          "  cordata train step_directory -n 4 --planner tensor --metrics m.jsonl a model exported from JAX\n"
          "  mpirun -n 8 cordata train gpt --plan plan.json                       ranks that you start\n",
          [](CLI::App& app) -> std::function<Answer(const Context&)> {
            auto o = std::make_shared<TrainOptions>();
            app.add_option("model", o->model, std::string(kModelHelp))->required();
            app.add_option("-n,--ranks", o->ranks,
                           "Ranks to start (default: the plan's or the cluster's, else 1)")
                ->check(at_least(1));
            app.add_option("--cluster", o->cluster, std::string(kClusterHelp) + " (default: local:RANKS)");
            add_plan_options(app, o->plan);
            app.add_option("--plan", o->plan_file, "Run this plan.json instead of looking for a plan");
            app.add_option(
                "--data", o->data,
                "A file of batches: *.safetensors, a tensor [samples, ...] for each batch input, taken in "
                "order; or of tokens, shuffled: *.u16, *.u32, else bytes (default: made-up data)");
            app.add_option("--steps", o->steps, "Steps to train (default 20)")->check(at_least(0));
            app.add_option("--seed", o->seed, "Seed of initial values and of the order of samples")
                ->check(at_least(0));
            app.add_option("--metrics", o->metrics, "Write a JSON line a step: step, loss, seconds");
            app.add_option("--trace", o->trace, "Write a timeline for Perfetto or chrome://tracing");
            app.add_option("--programs", o->programs, std::string(kProgramsHelp));
            app.add_option("--checkpoint", o->checkpoint,
                           "Save parameters and optimizer state in this folder at the end");
            app.add_option("--plugin", o->plugin,
                           "PJRT plugin (default: $CORDATA_PJRT_PLUGIN, else the CPU one)");
            app.add_option("--on-nan", o->on_nan, "What a loss that is not a number does: stop or go")
                ->check(CLI::IsMember({"stop", "go"}));
            app.add_option("--time-limit", o->time_limit, "Seconds that any wait may take (default 600)")
                ->check(some_seconds());
            app.add_option("--cpu-list", o->cpu_list, std::string(kCpuListHelp));
            app.add_option("--paced", o->paced, "Take steps as lines of this pipe ask for them (bench/run)")
                ->group("");
            app.add_option("--result", o->result)->group("");
            return [o](const Context& context) { return train(*o, context); };
          }};
}

}  // namespace cordata::cli
