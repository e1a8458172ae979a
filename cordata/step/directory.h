// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <string>

#include "cordata/step/train_step.h"

namespace cordata::step {

// Writes a train step directory (docs/formats.md) with a grad module for every microbatch size of the step
// and the initial values for this seed; values that are all zero are left out. Without `values` none are
// written, and older ones removed: such a step can be planned and simulated. Makes the directory. Throws
// environment errors.
void write_directory(const TrainStep& step, const std::string& dir, uint64_t seed, bool values = true);

// The text of roles.json, and what it says put into a TrainStep (all but modules and values). `origin` names
// it in errors.
nlohmann::ordered_json roles_to_json(const TrainStep& step);
void roles_from_json(const nlohmann::ordered_json& roles, const std::string& origin, TrainStep& step);

// Names used in a directory: "grad.mlir" for the whole batch, else "grad.bN.mlir"; "params/NAME" in
// init.safetensors.
std::string grad_file(int64_t microbatch_size, int64_t batch);
std::string initial_name(const Port& port);

}  // namespace cordata::step
