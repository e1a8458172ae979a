// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "cordata/program/program.h"

namespace cordata::program {

// What the ranks of a stage run: the partitioned modules, and the one that folds the random key if the stage
// reads one.
struct StageParts {
  const partition::StageModules& modules;
  int first_module = 0;            // the number of the stage's first module in the program
  int key_module = -1;             // (step, microbatch, key) -> key; -1: none
  std::vector<ir::Type> key_args;  // of that module
};

// The lists of one rank: device `device` of stage `stage`. `work`: the stage's part of the schedule.
RankProgram lower_rank(const step::JointStep& joint, const step::Cut& cut, const plan::Plan& plan, int stage,
                       int device, const StageParts& parts, const std::vector<Work>& work);

// Adds a stage's modules and communicators to the program.
void add_stage_modules(Program& program, const partition::StageModules& modules, const plan::Stage& stage,
                       int index);

// The stage that has the loss sends it to rank 0, which reports it.
void report_loss_at_rank_zero(Program& program);

}  // namespace cordata::program
