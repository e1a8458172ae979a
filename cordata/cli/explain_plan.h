// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "cordata/report/explanation.h"
#include "cordata/step/train_step.h"

namespace cordata::cli {

// Explains a plan for its step, which is checked against it. Throws a user error when it is for another one
// or inconsistent.
report::Explanation explain_plan(const plan::Plan& plan, const step::TrainStep& step);

// What each of these planners finds for the same step, cluster and number of microbatches (the planner's, not
// the plan's).
std::vector<report::OtherPlan> compare_planners(const plan::Plan& plan, const step::TrainStep& step,
                                                const std::vector<std::string>& planners);

}  // namespace cordata::cli
