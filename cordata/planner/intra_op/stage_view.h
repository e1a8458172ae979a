// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <utility>
#include <vector>

#include "cordata/cost/op_time.h"
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
    double seconds = 0;          // of the whole op on one device, once
    double launch = 0;           // however it is sharded
    bool constant_like = false;  // costs nothing, stays whole; readers cut what they need from it
    bool accumulate = false;     // its result lives from the first microbatch to the update
    bool fused = false;          // its result is never written to memory
    int time = 0;                // ops run in this order; equal ones pass by pass
    double compute = 0;          // of its seconds: what FLOPs alone take
    double serial = 0;           // cost::OpTime's
    // Of its seconds, moving each operand and each result (cost::OpTime); empty: all is cut with the op.
    std::vector<double> read = {}, written = {};
    cost::Measured measured = {};

    // Device-seconds that no way to shard it takes less than, but for launches.
    double least() const { return measured.times ? measured.least : seconds; }
    void slow_down(double times) {
      seconds *= times, compute *= times, launch *= times, measured.pace *= times, measured.least *= times;
      for (auto* moved : {&read, &written})
        for (double& t : *moved) t *= times;
    }
  };
  // How a value lies in memory, see cost/lifetimes.h.
  static constexpr int kReaders = -2;
  struct Held {
    int until =
        kReaders;   // an op's time: the last that reads it (-1: none); kReaders: those that the view has
    int times = 1;  // it, and copies in other orders of dims
  };
  std::vector<ir::Type> values;
  std::vector<Held> held;  // by value; empty: once, until its last reader
  std::vector<Op> ops;
  std::vector<int> args;  // values
  std::vector<step::StageArg> arg_kinds;
  std::vector<int> batch_dim;  // by argument: the dim that counts samples, or -1; may be empty
  // (value, dim) that are known to count samples, besides; others follow from them.
  std::vector<std::pair<int, int>> samples_at;
  std::vector<int> results;  // values
  std::vector<step::StageResult> result_kinds;
  int microbatches = 1;
  int in_flight = 1;        // microbatches whose residuals are held at once
  bool whole_step = false;  // one module runs it all
};

}  // namespace cordata::planner
