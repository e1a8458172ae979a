// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <span>
#include <string>
#include <vector>

#include "cordata/ir/builder.h"
#include "cordata/models/optimizer.h"
#include "cordata/models/parameter.h"
#include "cordata/step/train_step.h"

namespace cordata::models {

struct BatchInput {
  std::string name;
  ir::Type sample;         // of one sample: without the batch dim, which is dim 0
  int64_t vocabulary = 0;  // see TrainStep
};

// What a model is before it gets an optimizer and its gradient: parameters, inputs, and the op-by-op loss of
// a microbatch.
struct Model {
  std::string name;
  std::vector<Parameter> parameters;
  std::vector<BatchInput> inputs;
  // Scalar: the mean loss over the samples it is given.
  std::function<ir::ValueId(ir::GraphBuilder&, std::span<const ir::ValueId> params,
                            std::span<const ir::ValueId> batch)>
      loss;
  std::string unit = "samples";
  int64_t units_per_sample = 1;
  std::string data_kind;
};

// (params, batch) -> loss, for a microbatch of that many samples: what evaluation runs.
ir::Graph build_loss(const Model& model, int64_t microbatch_size);

// Adds the gradient and the update. Microbatches of every divisor of `batch` can be had.
step::TrainStep make_train_step(Model model, const OptimizerConfig& optimizer, int64_t batch);

}  // namespace cordata::models
