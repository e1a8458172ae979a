// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "cordata/cli/verb.h"
#include "cordata/plan/plan.h"
#include "cordata/planner/planner.h"

namespace cordata::cli {

// The flags that plan, train and run share: how to look for a plan.
struct PlanOptions {
  std::string planner = "auto";
  std::string microbatches = "auto";
  std::string memory_limit;
  std::string remat = "auto";
  bool allow_idle = false;
  std::vector<std::string> fixes;
  std::string objective = "time";
  std::string schedule;       // not a flag of its own
  double time_limit = 0;      // seconds; 0: none
  std::string cache;          // folder; "": none
  std::string dump_problems;  // folder; "": none
};
// --time-limit is not among them: to train, it means something else.
void add_plan_options(CLI::App& app, PlanOptions& options);
void add_time_limit(CLI::App& app, PlanOptions& options);
void add_dump(CLI::App& app, PlanOptions& options);  // --dump-problems

// Checks the words; user errors name the nearest planner and the forms of numbers.
planner::PlannerOptions to_planner_options(const PlanOptions& options);

// Plans `step`, called `spec` on the command line, with what the planner does now as a line of progress on a
// terminal; or takes it from the cache, where there is one, and says so on stderr.
plan::Plan find_plan(const std::string& spec, const step::TrainStep& step, const cluster::Cluster& cluster,
                     const PlanOptions& options);

}  // namespace cordata::cli
