// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <vector>

#include "cordata/step/train_step.h"

namespace cordata::step {

// When an op of the joint graph runs: forward and backward once a microbatch, the others once a step.
enum class Phase : uint8_t { kForward, kBackward, kAccumulate, kApply };
std::string_view name(Phase phase);

// One whole training step as one graph: the grad module, then for each value of a microbatch that the step
// needs a `cordata.accumulate` (the sum over the microbatches), then join (times 1/M, or divided by the
// summed weight), then apply. Canonical: its ops stand in an order that depends on structure only, so that
// plans can refer to them by position.
//
// args:    params, opt states, states, batch inputs (of one microbatch), [key]
// results: loss, new params, new opt states, new states
struct JointStep {
  ir::Graph graph;
  std::vector<Phase> phase;  // by position in graph.ops()
  std::vector<Port> args, results;
  int microbatches = 1;
  int64_t microbatch_size = 1;
};

// Throws a user error when M doesn't divide the batch or the step has no grad module for batch / M samples.
JointStep build_joint(const TrainStep& step, int microbatches);

// Hash of what is trained, whatever M: names and order don't matter. Goes into plan.json as model_hash.
uint64_t model_hash(const TrainStep& step);

}  // namespace cordata::step
