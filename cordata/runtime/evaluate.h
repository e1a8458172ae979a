// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>
#include <vector>

#include "cordata/base/units.h"
#include "cordata/runtime/data.h"
#include "cordata/runtime/pjrt/client.h"
#include "cordata/step/train_step.h"

namespace cordata::runtime {

// Gives the value that a parameter or state has now, whole.
using ReadTensor = std::function<std::vector<std::byte>(step::Role role, int index, const std::string& name,
                                                        const ir::Type& type)>;

// The grad module for that many samples, without all that only the gradients need: (params, states, batch) ->
// loss
// [, weight]. Throws a user error for a step with a random key.
ir::Graph loss_module(const step::TrainStep& step, int64_t samples);

struct Evaluation {
  double loss = 0;      // over all samples, joined as the step joins microbatches
  int64_t samples = 0;  // whole batches only
  base::Seconds compile{0}, run{0};
};

// The loss of a step's values over the samples of `data` (made with evaluation_shape), in order, on one
// device; at most `most` samples (0: all of them, once). `progress` is told (done, of) samples; may be empty.
Evaluation evaluate(const step::TrainStep& step, const Client& client, DataSource& data,
                    const ReadTensor& read, int64_t most = 0,
                    const std::function<void(int64_t, int64_t)>& progress = {});

// What `data` above is opened with: batches of the step's own size, whole.
BatchShape evaluation_shape(const step::TrainStep& step);

}  // namespace cordata::runtime
