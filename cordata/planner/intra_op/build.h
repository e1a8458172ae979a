// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>

#include "cordata/plan/plan.h"
#include "cordata/planner/intra_op/problem.h"
#include "cordata/planner/intra_op/stage_view.h"
#include "cordata/sharding/sharding.h"

namespace cordata::planner {

// Which strategies and rest shardings may be chosen: how the intra-op baselines differ from `auto`. Unset:
// all.
struct Restriction {
  std::function<bool(const StageView& stage, int op, const sharding::Strategy& strategy)> op;
  std::function<bool(const StageView& stage, int arg, const sharding::Sharding& rest)> arg;
};

// What both allow.
Restriction both(Restriction a, Restriction b);

// An intra-op problem and what its nodes stand for. Costs are picoseconds of one step: everything in a
// forward or backward pass counts once a microbatch.
struct BuiltProblem {
  struct Node {
    enum class Kind : uint8_t { kArg, kOp, kHub, kResult } kind;
    int index = 0;                               // arg, op, result; of a hub the value
    step::Pass pass;                             // of a hub
    std::vector<sharding::Strategy> strategies;  // of an op
    std::vector<sharding::Sharding> shardings;   // of the others
  };
  Problem problem;
  std::vector<Node> nodes;  // one for each of problem.nodes
  std::vector<int>
      result_node;  // by result: the node that says its sharding (a parameter's own, for its new value)
  std::vector<bool> own_hub;  // by node: a hub in the pass that makes its value
  // By edge: the value that is resharded on it, and when what that makes is held besides what nodes use.
  struct Move {
    int value = 0, from = 0, to = 0;
  };
  std::vector<Move> moves;
};

// Nodes: one for each argument (its rest sharding), op (its strategy), value with several readers in a pass
// (plan::Hub), and result that isn't the new value of an argument. Edges: what resharding costs between them.
// The objective is the bill's seconds plus the ops' seconds; where two readers of one hub want the same third
// sharding, and the way back from it isn't free, it counts that reshard for both (never less than the bill).
BuiltProblem build_problem(const StageView& stage, const sharding::Mesh& mesh,
                           const Restriction& restriction = {});

// What a layer's part (layer_part.h) costs at least is in the cost of every stage that holds the layer, and
// not in its other layers': the least costs of parts add up to a lower bound. So what stages may share or
// arrange otherwise is free: what arrives and leaves, all but one reader of a value in the update; hubs of
// values that leave may be anywhere.
Problem build_layer_problem(const StageView& part, const sharding::Mesh& mesh);

// A layer among others like it: what enters it is where what leaves it is (values of the same type that are
// made in the same pass, in their order), so that its cost is what one more such layer adds to a stage.
// `problem`'s usage is that of one microbatch in flight; of it `held` is there throughout (arguments,
// accumulators) and `flight` from the forward to the backward pass, by node and strategy.
struct ClosedLayer {
  Problem problem;
  std::vector<BuiltProblem::Node> nodes;
  std::vector<std::vector<int64_t>> held, flight;  // bytes; empty: none
};
ClosedLayer build_closed_layer(const StageView& part, const sharding::Mesh& mesh,
                               const Restriction& restriction = {});

// The plan that a choice for every node means.
plan::StageSharding decode(const BuiltProblem& built, const StageView& stage, const std::vector<int>& choice);

}  // namespace cordata::planner
