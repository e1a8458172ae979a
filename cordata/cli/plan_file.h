// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "cordata/plan/plan.h"
#include "cordata/step/train_step.h"

namespace cordata::cli {

// Throws a user error unless the plan was made for a step that computes the same (names and order don't
// matter).
void check_is_for(const plan::Plan& plan, const step::TrainStep& step, const std::string& spec);

// A plan and the step it is for: the model that the plan names, or `spec` where that is given (the directory
// has moved).
struct PlanFile {
  plan::Plan plan;
  step::TrainStep step;
};
PlanFile read_plan_file(const std::string& path, const std::string& spec, std::string_view verb);

}  // namespace cordata::cli
