// SPDX-License-Identifier: Apache-2.0
#include "cordata/models/parameter.h"

#include "cordata/step/random.h"
#include "cordata/step/synthetic.h"

namespace cordata::models {

Parameter weight(std::string name, ir::DType dtype, ir::Shape shape, double stddev) {
  return {std::move(name), ir::Type::tensor(dtype, std::move(shape)), stddev, 0, true};
}

Parameter filled(std::string name, ir::DType dtype, ir::Shape shape, double value) {
  return {std::move(name), ir::Type::tensor(dtype, std::move(shape)), 0, value, false};
}

step::HostTensor initial_value(const Parameter& parameter, uint64_t seed) {
  step::HostTensor tensor{parameter.type,
                          std::vector<std::byte>(static_cast<size_t>(parameter.type.num_bytes()))};
  step::RandomStream stream(seed, parameter.name);
  std::byte* at = tensor.bytes.data();
  for (int64_t i = 0; i < parameter.type.num_elements(); ++i)
    step::put_element(parameter.stddev > 0 ? parameter.stddev * stream.normal(i) : parameter.value,
                      parameter.type.dtype, at);
  return tensor;
}

}  // namespace cordata::models
