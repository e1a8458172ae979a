// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "cordata/plan/plan.h"
#include "cordata/step/train_step.h"

namespace cordata::tests {

// The step time of a plan, from its stages' meshes and strategies alone: StagePrice for each stage, joined by
//   step = sum c_i + (M - 1) max c_i,  c_i = a stage's seconds of a step / M.
double price(const plan::Plan& plan, const step::TrainStep& step);

// Whether any plan takes less than `below` seconds: every number of microbatches, every cut of the forward
// ops in canonical order into stages, every way to hand runs of devices to them, every view of those (one
// axis or two), every assignment of axes to factors. Infinity, or the least seconds found. Only for a few ops
// and devices. Devices don't share cores.
double enumerate(const step::TrainStep& step, const cluster::Cluster& cluster, double below);

// How many (cut, submeshes) the last enumeration on this thread went through.
int64_t enumerated_cuttings();

}  // namespace cordata::tests
