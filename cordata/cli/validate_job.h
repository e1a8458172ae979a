// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "cordata/cli/plan_options.h"
#include "cordata/cli/verb.h"

namespace cordata::cli {

// A plan that is to be found, and run: what stands after `cordata plan`.
struct PlanRequest {
  std::string model;
  PlanOptions plan;
};

// `models` under every kind of plan that so many devices can have: samples or tensors split, ZeRO, pipelines
// of several numbers of stages under both schedules, microbatches, what is computed again; and `auto`.
std::vector<PlanRequest> usual_plans(const std::vector<std::string>& models, int devices);

// A file of them, a JSON list of {"model", "planner", "microbatches", "remat", "memory_limit"}; all but the
// planner may be left out, the model if `model` isn't empty. Throws user errors that name the entry.
std::vector<PlanRequest> read_plan_requests(const std::string& path, const std::string& model);

struct ValidateOptions {
  std::vector<std::string> models;  // none: a GPT and an MLP
  std::string cluster = "local:4", plans_file, directory, plugin;
  int64_t steps = 20, rounds = 1;
  double time_limit = 600;
  bool bind = false;
};

// Plans, simulates and trains each, and says how far apart they are. Being off is no failure.
Answer validate(const ValidateOptions& options, const Context& context);

}  // namespace cordata::cli
