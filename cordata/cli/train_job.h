// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "cordata/cli/model_source.h"
#include "cordata/cli/names.h"
#include "cordata/cli/plan_options.h"
#include "cordata/cli/verb.h"

namespace cordata::cli {

struct TrainOptions {
  std::string model, cluster, plan_file, data, metrics, trace, programs, checkpoint, plugin, on_nan = "stop";
  PlanOptions plan;
  int ranks = 0;
  bool bind = false;  // each rank to a core of its own
  int64_t steps = 20;
  uint64_t seed = 0;
  double time_limit = 600;
  std::string cpu_list;  // "0,1,1": the CPU that each rank is bound to
  std::string paced;     // a named pipe of orders, see runtime/pace.h
  std::string result;    // where rank 0 writes the JSON document of --json; set by the command for its ranks
};

// Trains. Everything that can be wrong with the words, the files and the plan is found before a rank starts.
Answer train(const TrainOptions& options, const Context& context);

// The command line of a rank that the command starts: the same words with the plan in a file.
std::vector<std::string> rank_arguments(const TrainOptions& options, const std::string& plan_file, bool json);

// What one rank of the job does; gives the process's status.
int run_train_rank(const TrainOptions& options, const Context& context);

// The plan file, checked against the step and the number of ranks (0: any). User errors name what doesn't
// fit.
plan::Plan load_plan(const std::string& path, const std::string& spec, const step::TrainStep& step,
                     int ranks);

}  // namespace cordata::cli
