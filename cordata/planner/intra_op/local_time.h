// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "cordata/plan/plan.h"
#include "cordata/planner/intra_op/stage_view.h"
#include "cordata/sharding/sharding.h"

namespace cordata::planner {

// What a device's part of an op takes, once: what was measured of such a shard, else its roofline, that is of
// its FLOPs and of all that it moves.
double local_seconds(const StageView& stage, const StageView::Op& op, const sharding::Strategy& strategy,
                     const sharding::Mesh& mesh);

// Whether a profile has what the op takes under that strategy.
bool is_measured(const StageView& stage, const StageView::Op& op, const sharding::Strategy& strategy,
                 const sharding::Mesh& mesh);
// Of what the ops of a step take, the part that a profile has.
double measured_share(const StageView& stage, const plan::StageSharding& sharding,
                      const sharding::Mesh& mesh);

}  // namespace cordata::planner
