// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "cordata/step/cut.h"

namespace cordata::planner {

// The layers that stages are made of: of each op of a joint step (step/cut.h), and how many there are.
struct StepLayers {
  step::Layers of_op;
  int count = 1;
};

// Forward ops by cluster_layers, the rest as extend_to_backward says. `wanted` layers; 0: where a dozen
// blocks or more repeat (repeats.h), one layer a block, or a few blocks, so that there are at most 16 layers
// for up to 8 devices, 64 for up to 512, else 128; elsewhere as many as there are ops that contract
// something, but at least 8, at most 16 and about two a device; small graphs: an op a layer.
StepLayers step_layers(const step::JointStep& joint, int wanted, int devices, bool each_block = false);

}  // namespace cordata::planner
