// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <vector>

#include "cordata/ir/graph.h"
#include "cordata/planner/intra_op/stage_view.h"
#include "cordata/step/homes.h"

namespace cordata::planner {

// By op of the stage that one layer makes alone: whether it runs there whatever stage the layer is part of.
// `homes`: of the joint graph where each layer is a stage.
std::vector<bool> own_ops(const step::StageGraph& layer, const ir::Graph& joint, const step::Homes& homes);

// What all stages that hold the layer have of it: its own ops with the constants that they read, the
// arguments that rest there, new values of these, and the values that leave. Values are numbered as they
// come, so that equal layers have equal parts. A value that nothing makes comes from elsewhere.
// `kept`: by op of the part, its position in the layer's stage; may be null.
StageView layer_part(const StageView& layer, const std::vector<bool>& own, std::vector<int>* kept = nullptr);

}  // namespace cordata::planner
