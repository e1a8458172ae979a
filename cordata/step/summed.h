// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <vector>

#include "cordata/step/joint.h"

namespace cordata::step {

bool is_float_add(const ir::Graph& graph, const ir::Node& node);
// Kinds of which the sum of the results can be the result of the sum, the other operands being constants.
bool may_be_linear(ir::OpKind kind);

// By op: a backward op that adds, or is linear, and whose result only reaches the sums over microbatches, by
// way of others like it: what it reads are terms of a parameter's gradient, not cotangents that flow on.
std::vector<bool> only_summed(const JointStep& joint);

}  // namespace cordata::step
