// SPDX-License-Identifier: Apache-2.0
#include <CLI/CLI.hpp>

#include "cordata/base/files.h"
#include "cordata/cli/model_source.h"
#include "cordata/cli/names.h"
#include "cordata/cli/plan_options.h"
#include "cordata/cli/verbs/verbs.h"
#include "cordata/program/program.h"
#include "cordata/report/plan_text.h"

namespace cordata::cli {
namespace {

struct Options {
  std::string model, cluster, to, programs;
  PlanOptions plan;
};

Answer run_plan(const Options& o) {
  if (!o.to.empty()) base::check_writable(o.to);
  if (!o.programs.empty()) base::check_writable_directory(o.programs);
  to_planner_options(o.plan);  // mistakes in the words come before the work
  const auto cluster = resolve_cluster(o.cluster);
  const auto step = load_step(o.model, "plan");
  const auto plan = find_plan(o.model, step, cluster, o.plan);
  Answer answer;
  answer.text = report::plan_text(plan, static_cast<double>(step.batch * step.units_per_sample), step.unit);
  answer.json = nlohmann::ordered_json(plan::to_json(plan));
  if (!o.to.empty()) {
    plan::write_plan(plan, o.to);
    answer.text += fmt::format(
        "\nwritten to {0}; `cordata explain {0}` says why, `cordata train {1} --plan {0}` runs it\n", o.to,
        o.model);
  }
  if (!o.programs.empty()) {
    program::write_program(
        program::lower(plan::planned_step(step, plan), step, plan, partition::CollectiveMode::kCustomCall),
        o.programs);
    answer.text += fmt::format("\nprograms of the stages and the ranks' lists written to {}\n", o.programs);
  }
  return answer;
}

}  // namespace

Verb plan_verb() {
  return {"plan", "Find how a cluster should run a training step; needs no devices",
          "  cordata plan gpt-39b --cluster p3.16xlarge:8                               the paper's largest "
          "table row\n"
          "  cordata plan gpt:layers=4,hidden=256 --cluster local:4 -o plan.json        for 4 ranks on this "
          "machine\n"
          "  cordata plan gpt-1.3b --cluster h100:1 --planner pipeline:stages=2,data=4  one that you say\n"
          "  cordata plan step_directory --cluster mine.json --memory-limit 12GiB       your model, your "
          "cluster\n"
          "  cordata plan gpt-1.3b --cluster h100:1 --objective cost-per-token          fewer devices where "
          "they pay\n"
          "  cordata plan gpt-39b --cluster p3.16xlarge:8 --cache plans                 at once, the second "
          "time\n",
          [](CLI::App& app) -> std::function<Answer(const Context&)> {
            auto o = std::make_shared<Options>();
            app.add_option("model", o->model, std::string(kModelHelp))->required();
            app.add_option("--cluster", o->cluster, std::string(kClusterHelp))->required();
            add_plan_options(app, o->plan);
            add_time_limit(app, o->plan);
            add_dump(app, o->plan);
            app.add_option("-o,--output", o->to, "Write the plan to this file");
            app.add_option("--programs", o->programs, std::string(kProgramsHelp));
            return [o](const Context&) { return run_plan(*o); };
          }};
}

}  // namespace cordata::cli
