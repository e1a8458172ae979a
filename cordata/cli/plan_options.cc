// SPDX-License-Identifier: Apache-2.0
#include "cordata/cli/plan_options.h"

#include <fmt/ranges.h>

#include <CLI/CLI.hpp>
#include <charconv>
#include <filesystem>

#include "cordata/base/files.h"
#include "cordata/base/progress.h"
#include "cordata/cli/names.h"
#include "cordata/cli/plan_cache.h"
#include "cordata/planner/baselines/restrictions.h"
#include "cordata/planner/fixes.h"
#include "cordata/planner/intra_op/read_problem.h"

namespace cordata::cli {
namespace {

int parse_microbatches(const std::string& word) {
  if (word == "auto") return 0;
  int n = 0;
  const auto [end, error] = std::from_chars(word.data(), word.data() + word.size(), n);
  if (error != std::errc() || end != word.data() + word.size() || n < 1)
    throw base::user_error("[cli] --microbatches: wanted auto or a whole number above 0, got '{}'", word);
  return n;
}

base::Bytes parse_limit(const std::string& word) {
  if (word.empty()) return base::Bytes(0);
  const auto limit = base::parse_bytes(word);
  if (limit.value <= 0) throw base::user_error("[cli] --memory-limit: wanted a size above 0, got '{}'", word);
  return limit;
}

std::optional<step::Remat> parse_remat(const std::string& word) {
  if (word == "auto") return std::nullopt;
  const auto remat = step::remat_named(word);
  if (!remat) throw base::user_error("[cli] --remat: wanted auto, none, selective or layer, got '{}'", word);
  return *remat;
}

struct Searched {
  plan::Plan plan;
  bool stopped = false;  // by the time limit
};

Searched search_plan(const std::string& spec, const step::TrainStep& step, const cluster::Cluster& cluster,
                     const planner::PlannerOptions& options, const std::string& dump = {}) {
  base::ProgressBar progress("planning " + spec, 0);
  planner::PlannerLog log;
  int dumped = 0;
  if (!dump.empty()) {
    std::filesystem::create_directories(dump);
    log.solved = [&](const planner::Problem& problem, const std::vector<int>& choice) {
      const std::string path = fmt::format("{}/problem-{:05}", dump, ++dumped);
      base::write_file(path + ".json",
                       planner::write_problem(problem, fmt::format("stage problem {}", dumped)));
      base::write_file(path + ".solution", fmt::format("[{}]\n", fmt::join(choice, ", ")));
    };
  }
  log.say = [&](const std::string& words) { progress.update(0, words); };
  progress.update(0);
  auto plan = planner::plan(step, cluster, options, &log);
  return {std::move(plan), log.time.stopped()};
}

// What is stopped early is not kept: with more time there may be a better one.
plan::Plan cached_plan(const std::string& folder, const std::string& spec, const step::TrainStep& step,
                       const cluster::Cluster& cluster, const planner::PlannerOptions& options) {
  const PlanCache cache(folder, step, cluster, options);
  if (auto kept = cache.read()) return std::move(*kept);
  auto found = search_plan(spec, step, cluster, options);
  if (!found.stopped) cache.write(found.plan);
  return std::move(found.plan);
}

planner::Objective parse_objective(const std::string& word) {
  const auto objective = planner::objective_named(word);
  if (!objective)
    throw base::user_error("[cli] --objective: wanted time, memory or cost-per-token, got '{}'", word);
  return *objective;
}

}  // namespace

void add_plan_options(CLI::App& app, PlanOptions& o) {
  app.add_option("--planner", o.planner, std::string(kPlannerHelp) + planner_list())->capture_default_str();
  app.add_option("--microbatches", o.microbatches, "Microbatches a step; auto: the planner chooses")
      ->capture_default_str();
  app.add_option("--memory-limit", o.memory_limit, "Of a device, e.g. 12GiB (default: the cluster's)");
  app.add_option(
         "--remat", o.remat,
         "What backward passes compute again rather than keep: none, selective (all but results of "
         "matmuls and reductions) or layer (all but what enters a layer); less memory, more work. auto: the "
         "planner chooses by stage in large steps, none in small ones")
      ->capture_default_str();
  app.add_option("--fix", o.fixes,
                 "Stages that you say, the rest is planned: stage=FIRST-LAST (its layers, as `plan` counts "
                 "them) devices=FIRST-LAST mesh=2x4 sharding=batch/tensor (by mesh axis, or one for all: " +
                     fmt::format("{}", fmt::join(planner::restriction_names(), ", ")) + ")")
      ->expected(1, -1)
      ->type_name("KEY=VALUE");
  app.add_flag("--allow-idle", o.allow_idle, "Let the plan leave devices unused");
  app.add_option("--objective", o.objective,
                 "What is to be least: time (of a step), memory (of the fullest device; then time) or "
                 "cost-per-token (device-hours or, where the cluster has a price, money; devices may be left "
                 "unused)")
      ->capture_default_str();
  app.add_option("--cache", o.cache, "Keep plans in this folder, and take them from there the next time");
}

void add_time_limit(CLI::App& app, PlanOptions& o) {
  app.add_option("--time-limit", o.time_limit,
                 "Seconds after which planning stops with the best plan so far (default: none)")
      ->check(some_seconds());
}

void add_dump(CLI::App& app, PlanOptions& o) {
  app.add_option("--dump-problems", o.dump_problems,
                 "Write each stage's problem that is solved to this folder, in the format of `cordata "
                 "solve`, and the choice "
                 "beside it (not with --cache)")
      ->excludes("--cache");
}

planner::PlannerOptions to_planner_options(const PlanOptions& o) {
  check_planner(o.planner);
  planner::PlannerOptions options;
  options.name = o.planner;
  options.microbatches = parse_microbatches(o.microbatches);
  options.memory_limit = parse_limit(o.memory_limit);
  options.allow_idle = o.allow_idle;
  options.remat = parse_remat(o.remat);
  options.fixes = o.fixes;
  planner::parse_fixes(o.fixes);
  options.objective = parse_objective(o.objective);
  options.schedule = o.schedule;
  options.time_limit = base::Seconds(o.time_limit);
  for (const auto& folder : {o.cache, o.dump_problems})
    if (!folder.empty()) base::check_writable_directory(folder);
  return options;
}

plan::Plan find_plan(const std::string& spec, const step::TrainStep& step, const cluster::Cluster& cluster,
                     const PlanOptions& options) {
  const auto wanted = to_planner_options(options);
  auto plan = options.cache.empty() ? search_plan(spec, step, cluster, wanted, options.dump_problems).plan
                                    : cached_plan(options.cache, spec, step, cluster, wanted);
  std::error_code ignored;
  plan.model = std::filesystem::is_directory(spec, ignored) ? std::filesystem::absolute(spec).string() : spec;
  return plan;
}

}  // namespace cordata::cli
