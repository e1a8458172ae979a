// SPDX-License-Identifier: Apache-2.0
#include "cordata/models/mlp.h"

#include <cmath>

#include "cordata/base/error.h"
#include "cordata/models/layers.h"

namespace cordata::models {
namespace {

using ir::DType;
using ir::GraphBuilder;
using ir::Type;
using ir::ValueId;
using Values = std::span<const ValueId>;

DType master(const MlpConfig& c) { return ir::bits(c.dtype) == 16 ? DType::kF32 : c.dtype; }

std::vector<Parameter> parameters(const MlpConfig& c) {
  std::vector<Parameter> all;
  for (int64_t l = 0; l < c.layers; ++l) {
    int64_t from = l == 0 ? c.in : c.hidden, to = l + 1 == c.layers ? c.out : c.hidden;
    all.push_back(weight(fmt::format("layers.{}.w", l), master(c), {from, to},
                         1 / std::sqrt(static_cast<double>(from))));
    all.push_back(filled(fmt::format("layers.{}.b", l), master(c), {to}, 0));
  }
  return all;
}

ValueId loss(GraphBuilder& b, const MlpConfig& c, Values p, ValueId x, ValueId y) {
  x = b.convert(x, c.dtype);
  for (int64_t l = 0; l < c.layers; ++l) {
    ValueId w = b.convert(p[2 * l], c.dtype), bias = b.convert(p[2 * l + 1], c.dtype);
    x = add_bias(b, b.dot_general(x, w, {}, {}, {1}, {0}, c.dtype), bias);
    if (l + 1 < c.layers) x = gelu(b, x);
  }
  ValueId error = b.sub(b.convert(x, master(c)), y);
  return mean(b, b.mul(error, error));
}

}  // namespace

Model mlp(const MlpConfig& config) {
  Model model;
  model.name = "mlp";
  model.parameters = parameters(config);
  model.inputs = {{"x", Type::tensor(master(config), {config.in})},
                  {"y", Type::tensor(master(config), {config.out})}};
  model.data_kind = "vectors";
  model.loss = [c = config](GraphBuilder& b, Values params, Values batch) {
    return loss(b, c, params, batch[0], batch[1]);
  };
  return model;
}

}  // namespace cordata::models
