// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "cordata/step/cut.h"

namespace cordata::step {

// A module that is no train step, as one stage for planner and partitioner: its ops are one forward pass, and
// its results are delivered whole, as a loss is. It carries its inputs: throws a user error for one that
// takes arguments.
Cut module_cut(ir::Graph module);

}  // namespace cordata::step
