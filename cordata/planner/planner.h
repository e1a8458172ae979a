// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "cordata/plan/plan.h"
#include "cordata/planner/intra_op/problem.h"
#include "cordata/planner/layers/step_layers.h"
#include "cordata/planner/time_limit.h"
#include "cordata/step/train_step.h"

namespace cordata::planner {

// What is least in the plan that is looked for.
enum class Objective : uint8_t {
  kTime,          // the step
  kMemory,        // what the fullest device holds; of plans that are alike in it, the step
  kCostPerToken,  // the step times the devices that it uses, which may be fewer than there are
};
std::string_view name(Objective objective);  // "time", "memory", "cost-per-token"
std::optional<Objective> objective_named(std::string_view word);

struct PlannerOptions {
  std::string name = "auto";    // "pipeline:stages=2,data=2,microbatches=8,schedule=1f1b"
  int microbatches = 0;         // 0: the planner chooses
  base::Bytes memory_limit{0};  // of a device; 0: the cluster's
  bool allow_idle = false;
  int layers = 0;                    // 0: the planner chooses
  std::optional<step::Remat> remat;  // of every layer; nothing: chosen in large steps, else none
  std::vector<std::string> fixes;    // stages said beforehand (fixes.h); only with auto
  Objective objective = Objective::kTime;
  std::string schedule;         // "1f1b", "gpipe"; empty: the planner's own
  base::Seconds time_limit{0};  // of the search, which then gives the best so far; 0: none
};

// What was done, for people and for tests.
struct PlannerLog {
  int stages_asked = 0;  // (layers, devices) whose cost was wanted
  int problems_built = 0, problems_solved = 0, problems_reused = 0;
  std::function<void(const std::string&)> say;  // progress; may be empty
  // Told each stage's problem that was solved, and the choice of every node; by one thread at a time. May be
  // empty.
  std::function<void(const Problem& problem, const std::vector<int>& choice)> solved;
  TimeLimit time;
};

std::vector<std::string> planner_names();

// The layers that stages of a step are made of on a cluster: what fixes count.
StepLayers layers_of(const step::JointStep& joint, const cluster::Cluster& cluster);

// Finds a plan. Throws a user error for a planner or option that doesn't exist or can't be had (a batch that
// the devices don't divide), and ErrorKind::kInfeasible when nothing fits memory: by how much, and a limit
// that would do; also where the time was over before any plan was found.
plan::Plan plan(const step::TrainStep& step, const cluster::Cluster& cluster,
                const PlannerOptions& options = {}, PlannerLog* log = nullptr);

}  // namespace cordata::planner
