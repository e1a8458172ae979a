// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <vector>

#include "cordata/step/joint.h"

namespace cordata::step {

// A layer for every op of a joint step, by position; -1 for ops that follow their readers (constants and the
// like) and for apply ops (they follow their parameters). Made from the layers of forward ops (the planner's
// clustering).
using Layers = std::vector<int>;

// Extends layers of the forward ops (>= 0 there, ignored elsewhere, non-decreasing along every edge) to
// backward ops: a backward op goes with the highest layer whose forward values it reads; one that reads none,
// with the lowest layer among its cotangents; never above a backward op it reads; accumulates go with what
// they accumulate.
Layers extend_to_backward(const JointStep& joint, const Layers& forward);

// What an argument of a stage's graph is.
enum class ArgKind : uint8_t {
  kParam,
  kOptState,
  kState,
  kBatch,
  kKey,       // `index`: which; kParam and kState of a stage that is not the owner are copies
  kReceived,  // `index`: the transfer that brings it
};
struct StageArg {
  ArgKind kind;
  int index = 0;
  bool owner = true;  // of kParam, kOptState and kState: this stage updates it
};

enum class ResultKind : uint8_t { kLoss, kNewParam, kNewOptState, kNewState, kSent };
struct StageResult {
  ResultKind kind;
  int index = 0;  // which param, ...; of kSent the transfer that takes it away
};

// When an op of a stage runs. Passes of one step, in order: forward and backward (once a microbatch), then
// apply rounds 0, 1, ... (once a step): round r + 1 needs values that another stage computed in round r.
struct Pass {
  Phase phase = Phase::kForward;
  int round = 0;
  auto operator<=>(const Pass&) const = default;
};

// One stage of a step as a graph of its own. An accumulate op belongs to the backward pass; what reads it is
// apply.
struct StageGraph {
  ir::Graph graph;
  std::vector<Pass> pass;   // by position in graph.ops()
  std::vector<int> origin;  // by position: the op of the joint graph it comes from
  std::vector<StageArg> args;
  std::vector<StageResult> results;
};

// A value that goes from a stage to another: once a microbatch (phase forward or backward, when the
// producer's pass has made it), or once a step (apply; also the new value of a shared parameter to the stages
// that hold copies). The new value of a state goes to the stages that hold copies once a microbatch: the next
// one there reads it.
struct Transfer {
  int from_stage, to_stage;
  int from_result;  // index into the sender's results
  int to_arg;       // index into the receiver's args; for a shared parameter or a state the copy itself
  Pass sent_after;  // the sender's pass that makes it
  Pass
      needed_by;  // the receiver's first pass that reads it (a copy: the next step's or microbatch's forward)
  ir::Type type;
};

struct Cut {
  std::vector<StageGraph> stages;
  std::vector<Transfer> transfers;
};

// Cuts a joint step into stages: stage_of_layer maps layers (non-decreasing) to stages 0, 1, ....
// Deterministic: the same joint step and layers give the same graphs, so a plan can speak of ops by their
// position in a stage's graph. Sums whose terms live on several stages (gradients of shared parameters, the
// global norm) are formed on each stage, then over stages, once a step. One stage: the joint graph itself.
Cut cut(const JointStep& joint, const Layers& layers, const std::vector<int>& stage_of_layer);

}  // namespace cordata::step
