// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "cordata/cluster/cluster.h"
#include "cordata/cost/op_time.h"
#include "cordata/planner/intra_op/stage_view.h"
#include "cordata/step/homes.h"

namespace cordata::planner {

// A stage's graph as the intra-op problem sees it. Times are of `devices` from first_device on at work
// together: of the slowest of them; where devices share cores, all are slower. batch_dim: by argument, or
// empty.
StageView describe(const step::StageGraph& stage, const cluster::Cluster& cluster, int first_device,
                   int devices, int microbatches, int in_flight, std::vector<int> batch_dim = {});

// Gives an op its time on one device.
void take(StageView::Op& op, const cost::OpTime& time);

// By op, the module that it is lowered to (partition::StageModules); empty: all to one, with one microbatch.
std::vector<int> modules_of(const std::vector<step::Pass>& passes, int microbatches, bool single_stage);

// All that a solution depends on, as bytes: equal fingerprints have equal solutions, op by op.
std::string fingerprint(const StageView& stage);

// The same but for sizes, times and memory: parts of equal structure have the same ops in the same places.
std::string structure(const StageView& part);

// By layer of a joint step, the first one with the same part (layer_part.h), op by op, by what parts are made
// of: what its ops do, what they read of their own layer and of others, who reads what they make, and their
// `times` (several, each by op of the joint graph). `homes`: where each layer is a stage.
std::vector<int> alike_layers(const step::JointStep& joint, const step::Homes& homes,
                              const std::vector<std::vector<cost::OpTime>>& times);

}  // namespace cordata::planner
