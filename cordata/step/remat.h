// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string_view>
#include <vector>

#include "cordata/step/cut.h"

namespace cordata::step {

// What a layer's backward pass computes again rather than keeps from the forward pass.
enum class Remat : uint8_t {
  kNone,
  kSelective,  // all but results of contractions (dear) and reductions (small)
  kLayer,      // everything, from what enters the layer
};
std::string_view name(Remat remat);  // "none", "selective", "layer"
std::optional<Remat> remat_named(std::string_view name);

// A joint step with ops that compute forward values again in the backward pass.
struct RematStep {
  JointStep joint;
  Layers layers;
  std::vector<int>
      origin;  // by position: the op of the base joint step that it is or repeats; -1: it only waits
};

// Values that a layer makes and only its own backward pass reads are computed there once more, by copies of
// its forward ops. The copies start from what enters the layer, what other layers read of it (that is kept
// anyhow), and results that can't be had twice: of side effects, random numbers, new states. They wait
// (`cordata.after`) for the cotangents that enter the layer, as compilers would otherwise compute them in the
// forward pass already and keep the results. A layer that no cotangent enters, as those that end in the loss,
// stays as it is: its backward pass comes next anyhow. by_layer: empty is none. Deterministic, as plans refer
// to ops by position; without anything to do the step itself.
RematStep rematerialise(const JointStep& joint, const Layers& layers, const std::vector<Remat>& by_layer);

}  // namespace cordata::step
