// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "cordata/plan/plan.h"
#include "cordata/step/train_step.h"

namespace cordata::planner {

// The plan with the same stages, meshes and strategies of ops, in which backward passes of all layers compute
// `remat` again: copies of ops run as the ops that they repeat; only where values rest and pass is chosen
// anew. Memory may be exceeded. Throws a user error where the strategies can't be kept.
plan::Plan with_remat(const step::TrainStep& step, const plan::Plan& plan, step::Remat remat);

}  // namespace cordata::planner
