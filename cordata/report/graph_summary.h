// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <span>
#include <string>

#include "cordata/base/units.h"
#include "cordata/ir/graph.h"
#include "cordata/step/joint.h"

namespace cordata::report {

// What can be said of a graph without running it. Top-level ops; a loop is one op, its FLOPs are those of all
// its rounds.
struct GraphSummary {
  int ops = 0;
  std::map<std::string, int> ops_by_kind;
  std::map<std::string, int> without_rule;  // would run replicated
  base::Flops flops{0};
  base::Bytes arguments{0}, results{0};
  base::Bytes live{
      0};  // the most that values other than arguments take at once, ops run in order and none are fused
};
GraphSummary summarize(const ir::Graph& graph);

// The same of a whole training step, in numbers of the global batch.
struct StepSummary {
  GraphSummary graph;  // of the joint step with the smallest microbatch
  int64_t parameters = 0;
  base::Bytes parameter_bytes{0}, optimizer_bytes{0}, gradient_bytes{0};
  base::Flops forward{0}, backward{0}, apply{0};  // a step, all microbatches
  base::Bytes live{0};  // the most that forward and backward of one microbatch hold at once
  int microbatches = 1;
};
StepSummary summarize(const step::JointStep& joint);

}  // namespace cordata::report
