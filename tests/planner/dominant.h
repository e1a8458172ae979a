// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string_view>

#include "cordata/plan/plan.h"
#include "cordata/step/train_step.h"

namespace cordata::tests {

// What does most of a plan's work side by side.
enum class Parallelism : uint8_t {
  kNone,      // every device does (nearly) everything
  kData,      // contractions split samples; most of the state rests whole on each device
  kZero,      // as data, but more than half of the bytes of parameters and optimizer state rest in shards
  kTensor,    // contractions split other factors
  kPipeline,  // several stages at work on several microbatches
};
std::string_view word(Parallelism p);

// Read from the plan's stages and shardings alone. Each contraction of two operands votes, with its FLOPs,
// for what each mesh axis splits of it. Dims that count samples are told by their size: no other dim of the
// step may have the size of a microbatch.
Parallelism dominant(const plan::Plan& plan, const step::TrainStep& step);

}  // namespace cordata::tests
