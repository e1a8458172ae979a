// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <vector>

#include "cordata/ir/graph.h"
#include "cordata/models/parameter.h"

namespace cordata::models {

enum class Optimizer : uint8_t { kSgd, kMomentum, kAdamW };

// The update rule. Semantics are optax's (sgd, sgd with momentum, adamw, clip_by_global_norm); t counts steps
// from 0.
struct OptimizerConfig {
  Optimizer kind = Optimizer::kAdamW;
  double lr = 1e-3;
  double momentum = 0.9;
  double beta1 = 0.9, beta2 = 0.999, eps = 1e-8;
  double weight_decay = 0.01;  // AdamW's; on matrices only
  double clip = 0;             // largest global norm of the gradients; 0: any
  int64_t warmup = 0;          // the rate rises linearly over that many steps: lr * (t + 1) / warmup
  int64_t decay_steps = 0;     // then falls as a half cosine to lr_end * lr at step decay_steps; 0: stays
  double lr_end = 0.1;
};

// The apply module, (params, states, grads) -> (params, states), and what its states are: moments by
// parameter, then the step counter (an i32 scalar, there when the update depends on the step).
struct Apply {
  ir::Graph graph;
  std::vector<Parameter> states;
};
Apply build_apply(const OptimizerConfig& config, const std::vector<Parameter>& parameters);

}  // namespace cordata::models
