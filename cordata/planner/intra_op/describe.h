// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "cordata/cluster/cluster.h"
#include "cordata/planner/intra_op/stage_view.h"

namespace cordata::planner {

// A stage's graph as the intra-op problem sees it. Times are of `devices` from first_device on at work
// together: of the slowest of them; where devices share cores, all are slower. batch_dim: by argument, or
// empty.
StageView describe(const step::StageGraph& stage, const cluster::Cluster& cluster, int first_device,
                   int devices, int microbatches, int in_flight, std::vector<int> batch_dim = {});

// By op, the module that it is lowered to (partition::StageModules); empty: all to one, with one microbatch.
std::vector<int> modules_of(const std::vector<step::Pass>& passes, int microbatches, bool single_stage);

// All that a solution depends on, as bytes: equal fingerprints have equal solutions, op by op.
std::string fingerprint(const StageView& stage);

}  // namespace cordata::planner
