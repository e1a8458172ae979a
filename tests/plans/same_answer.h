// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "tests/plans/run_plan.h"

namespace cordata::tests {

// The same step on one device, with the microbatches of `plan`.
RunResult one_device(const step::TrainStep& step, int microbatches, int steps);

// Losses over 20 steps like one device's.
void expect_same_losses(const step::TrainStep& step, const plan::Plan& plan);

// One step of plain SGD in f64: the parameters' change is the gradient itself.
void expect_same_step(const step::TrainStep& step, const plan::Plan& plan);

}  // namespace cordata::tests
