// SPDX-License-Identifier: Apache-2.0
#include "cordata/cli/train_job.h"

#include <filesystem>

#include "cordata/base/files.h"
#include "cordata/program/program.h"
#include "cordata/report/plan_text.h"
#include "cordata/runtime/checkpoint.h"
#include "cordata/runtime/launch/cores.h"
#include "cordata/runtime/launch/launch.h"
#include "cordata/runtime/launch/private_folder.h"
#include "cordata/runtime/launch/rank.h"
#include "cordata/runtime/train.h"

namespace cordata::cli {
namespace {

// Files that are read or written, and the plugin, before anything else takes time.
void check_paths(const TrainOptions& o) {
  for (const std::string* path : {&o.metrics, &o.trace})
    if (!path->empty()) base::check_writable(*path);
  if (!o.programs.empty()) base::check_writable_directory(o.programs);
  runtime::Plugin::load(runtime::plugin_path(o.plugin));
}

void check_against_program(const TrainOptions& o, const step::TrainStep& step,
                           const program::Program& program) {
  const runtime::BatchShape shape = runtime::batch_shape(step, program);
  runtime::open_data(o.data, shape, o.seed)->check();
  if (!o.checkpoint.empty())
    runtime::check_checkpoint_folder(o.checkpoint, runtime::checkpoint_bytes(program));
  if (const std::string error = program::check(program); !error.empty())
    throw base::internal_error("[cli.train] the plan's program can't run: {}", error);
}

plan::Plan choose_plan(const TrainOptions& o, const step::TrainStep& step) {
  if (!o.plan_file.empty()) return load_plan(o.plan_file, o.model, step, o.ranks);
  const auto cluster =
      resolve_cluster(o.cluster.empty() ? fmt::format("local:{}", std::max(o.ranks, 1)) : o.cluster);
  if (o.ranks > 0 && cluster.num_devices() != o.ranks)
    throw base::user_error(
        "[cli.train] wanted as many ranks as the cluster has devices, got -n {} and {} devices", o.ranks,
        cluster.num_devices());
  return find_plan(o.model, step, cluster, o.plan);
}

}  // namespace

plan::Plan load_plan(const std::string& path, const std::string& spec, const step::TrainStep& step,
                     int ranks) {
  plan::Plan plan = plan::read_plan(path);
  if (plan.model_hash != step::model_hash(step))
    throw base::user_error(
        "[cli] {} is a plan for another model: it was made for {}, got {}; try `cordata plan {}` anew", path,
        plan.model, spec, spec);
  if (ranks > 0 && plan.cluster.num_devices() != ranks)
    throw base::user_error("[cli] {} is a plan for {} ranks, got {}; try -n {}, or a plan for {} devices",
                           path, plan.cluster.num_devices(), ranks, plan.cluster.num_devices(), ranks);
  plan::validate(plan, plan::planned_step(step, plan));
  return plan;
}

std::vector<std::string> rank_arguments(const TrainOptions& o, const std::string& plan_file, bool json) {
  std::vector<std::string> words{"train",        o.model,
                                 "--plan",       plan_file,
                                 "--steps",      std::to_string(o.steps),
                                 "--seed",       std::to_string(o.seed),
                                 "--on-nan",     o.on_nan,
                                 "--time-limit", fmt::format("{}", o.time_limit)};
  const std::pair<const char*, const std::string*> files[] = {
      {"--data", &o.data},         {"--metrics", &o.metrics},       {"--trace", &o.trace},
      {"--programs", &o.programs}, {"--checkpoint", &o.checkpoint}, {"--plugin", &o.plugin},
      {"--paced", &o.paced},       {"--result", &o.result}};
  for (const auto& [flag, value] : files)
    if (!value->empty()) words.insert(words.end(), {flag, *value});
  if (json) words.push_back("--json");
  return words;
}

Answer train(const TrainOptions& options, const Context& context) {
  Answer answer;
  if (runtime::is_worker()) {
    answer.status = runtime::run_rank([&] {
      check_unbound(options.cpu_list);
      return run_train_rank(options, context);
    });
    return answer;
  }
  TrainOptions o = options;
  to_planner_options(o.plan);  // mistakes in the words come before the work
  check_paths(o);
  const auto step = load_step(o.model, "train", true);
  const auto plan = choose_plan(o, step);
  const auto cpus = runtime::parse_cpu_list(o.cpu_list, plan.cluster.num_devices());
  check_against_program(
      o, step,
      program::lower(plan::planned_step(step, plan), step, plan, partition::CollectiveMode::kCustomCall));
  if (o.paced.empty())
    context.say(report::plan_text(plan, static_cast<double>(step.batch * step.units_per_sample), step.unit) +
                "\n");

  const std::string text = plan::to_json(plan).dump();
  runtime::PrivateFolder folder(base::Bytes(2.0 * static_cast<double>(text.size()) + 1e6));
  const std::string plan_file = folder.path() + "/plan.json";
  base::write_file(plan_file, text);
  if (context.json) o.result = folder.path() + "/result.json";
  runtime::LaunchOptions launch;
  launch.ranks = plan.cluster.num_devices();
  launch.cpus = cpus;
  launch.program = context.program;
  launch.bind = o.bind;
  launch.arguments = rank_arguments(o, plan_file, context.json);
  answer.status = runtime::launch(launch);
  if (answer.status == 0 && context.json && o.paced.empty())
    answer.json = nlohmann::ordered_json::parse(base::read_file(o.result));
  return answer;
}

}  // namespace cordata::cli
