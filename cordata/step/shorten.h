// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <vector>

#include "cordata/step/cut.h"
#include "cordata/step/homes.h"

namespace cordata::step {

// A joint step in which few layers stand for many: of a run of layers that are alike the first two and the
// last two are kept. What it computes means nothing; what its layers cost, and what one hands to the next, is
// that of the whole.
struct ShortStep {
  JointStep joint;
  Layers layers;
  int num_layers = 0;
  std::vector<int> layer;  // by layer of the whole: the one that stands for it, of a run the first
  std::vector<int> op;     // by op: that of the whole
};

// `homes`: each layer a stage; `alike`: by layer, the first one that has the same ops, in the same order
// (planner::alike_layers). The step itself where no run is long enough, or layers hold together in ways that
// can't be shortened (a value made of all of them, other than a sum).
ShortStep shorten(const JointStep& joint, const Layers& layers, const Homes& homes,
                  const std::vector<int>& alike);

// By layer: the ops that run there whatever stage it is part of, ascending. `homes`: each layer a stage.
std::vector<std::vector<int>> ops_of_layers(const Homes& homes);

}  // namespace cordata::step
