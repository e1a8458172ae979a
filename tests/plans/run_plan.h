// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <string>
#include <vector>

#include "cordata/plan/plan.h"
#include "cordata/program/program.h"
#include "cordata/step/train_step.h"

namespace cordata::tests {

struct RunResult {
  // By kind of resident and name, the whole value, put together from the ranks' blocks.
  using Values = std::map<std::string, std::vector<std::byte>>;

  std::vector<double> losses;
  Values before, values;  // before the first step (where asked for), after the last one
  std::map<std::string, ir::Type> types;
  int64_t peak_bytes = 0;  // of the fullest rank: buffers, and the temporaries of the module that runs
};

enum class Before : uint8_t { kDropped, kKept };  // the values before the first step

// Trains under a plan with ranks that are threads of this process, each with a client of its own.
RunResult run_plan(const step::TrainStep& step, const plan::Plan& plan, int steps,
                   Before before = Before::kDropped, uint64_t seed = 1);
RunResult run_program(const step::TrainStep& step, const program::Program& program, int steps,
                      Before before = Before::kDropped, uint64_t seed = 1);

}  // namespace cordata::tests
