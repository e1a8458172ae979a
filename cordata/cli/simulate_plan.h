// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "cordata/plan/plan.h"
#include "cordata/program/program.h"
#include "cordata/simulate/simulate.h"
#include "cordata/step/train_step.h"

namespace cordata::cli {

// The ranks' lists of a plan for this step (check_is_for). Throws a user error where it is inconsistent.
program::Program program_of(const plan::Plan& plan, const step::TrainStep& step);

// Lowers a plan to the ranks' lists and runs these with the cost model as the clock. The plan must be for
// this step (check_is_for); throws a user error where it is inconsistent.
simulate::SimulationResult simulate_plan(const plan::Plan& plan, const step::TrainStep& step, int steps);

}  // namespace cordata::cli
