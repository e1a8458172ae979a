// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "cordata/planner/inter_op/stages.h"

namespace cordata::planner {

// Cuts layers into stages and devices into submeshes, as cut_stages does, so that the largest of the stages'
// numbers is least (what memory a device must have): `bound` and `exact` of the problem say a stage's number,
// `at_most` what it must be below. Exact, and asks `exact` only for stages of a cutting that is best by
// bounds. `seconds` of the answer is that largest number. nullopt: there is no such cutting.
std::optional<StageSolution> cut_least_most(const StageProblem& problem);

}  // namespace cordata::planner
