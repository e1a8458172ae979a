// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <vector>

#include "cordata/ir/factor_rule.h"
#include "cordata/ir/type.h"
#include "cordata/step/cut.h"

namespace cordata::planner {

// What the intra-op problem needs to know of a stage: values by index, ops by position, no names. Plain data,
// so that the problem can be built and tested without a graph.
struct StageView {
  struct Op {
    ir::FactorRule rule;
    std::vector<int> operands, results;  // values
    step::Pass pass;
    double seconds = 0;  // of the whole op on one device, once
    double launch = 0;   // however it is sharded
    bool constant_like = false;  // costs nothing, stays whole; readers cut what they need from it
    bool accumulate = false;     // its result lives from the first microbatch to the update
    bool fused = false;          // its result is never written to memory
    // Of its seconds, moving each operand and each result (cost::OpTime); empty: all is cut with the op.
    std::vector<double> read = {}, written = {};

    void slow_down(double times) {
      seconds *= times, launch *= times;
      for (auto* moved : {&read, &written})
        for (double& t : *moved) t *= times;
    }
  };
  std::vector<ir::Type> values;
  std::vector<Op> ops;
  std::vector<int> args;  // values
  std::vector<step::StageArg> arg_kinds;
  std::vector<int> batch_dim;  // by argument: the dim that counts samples, or -1; may be empty
  std::vector<int> results;    // values
  std::vector<step::StageResult> result_kinds;
  int microbatches = 1;
  int in_flight = 1;  // microbatches whose residuals are held at once
};

}  // namespace cordata::planner
