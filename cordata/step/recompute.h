// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "cordata/step/remat.h"

namespace cordata::step {

// What is to be computed again, of a joint step whose layers say how.
struct Recompute {
  std::vector<bool> again;                // by op: its layer's backward pass repeats it
  std::vector<bool> kept;                 // by value: read as it was made, though its op may be repeated
  std::vector<bool> waits;                // by value: copies that read it wait for the layer's cotangents
  std::vector<std::vector<int>> arrives;  // by layer: the cotangents (values) that enter it
};

Recompute find_recompute(const JointStep& joint, const Layers& layers, const std::vector<Remat>& by_layer);

// Operands, and what regions read from outside.
std::vector<ir::ValueId> reads(const ir::Graph& graph, const ir::Node& node);

}  // namespace cordata::step
