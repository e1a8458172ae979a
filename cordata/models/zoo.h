// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "cordata/models/gpt.h"
#include "cordata/models/mlp.h"

namespace cordata::models {

// A model of the zoo with all its overrides applied.
struct ZooModel {
  std::string spec;  // as the user wrote it
  std::variant<GptConfig, MlpConfig> config;
  OptimizerConfig optimizer;
  int64_t batch = 8;
};

// One name of the zoo, for `cordata models`.
struct ZooEntry {
  std::string_view name;
  ZooModel model;
  std::string_view source;  // where its numbers are from
};
const std::vector<ZooEntry>& zoo();

// True if the part before ':' names a model of the zoo.
bool is_zoo_name(const std::string& spec);

// "gpt-125m", "gpt:layers=4,hidden=256,lr=2e-3". User errors: an unknown name or override (with the nearest
// known one), a bad value, sizes that don't fit. An overridden model has batch 8 unless `batch=` says
// otherwise.
ZooModel parse_model(const std::string& spec);
std::vector<std::string> override_names(const std::string& zoo_name);

Model build_model(const ZooModel& zoo_model);
step::TrainStep build_train_step(const ZooModel& zoo_model);
step::TrainStep build_train_step(const std::string& spec);

}  // namespace cordata::models
