// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "cordata/step/train_step.h"

namespace cordata::models {

// A tensor that training changes, and what it starts as. Also used for optimizer state.
struct Parameter {
  std::string name;
  ir::Type type;
  double stddev = 0;  // normal with this standard deviation, 0: every element is `value`
  double value = 0;
  bool decay = false;  // weight decay applies (matrices, not biases or norms)
};

Parameter weight(std::string name, ir::DType dtype, ir::Shape shape, double stddev);
Parameter filled(std::string name, ir::DType dtype, ir::Shape shape, double value);

// Element i is a function of (seed, name, i) alone, so it is the same however many ranks make it.
step::HostTensor initial_value(const Parameter& parameter, uint64_t seed);

}  // namespace cordata::models
