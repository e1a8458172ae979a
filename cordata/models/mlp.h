// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "cordata/models/model.h"

namespace cordata::models {

// Dense layers with GELU between, mean squared error against a target vector.
struct MlpConfig {
  int64_t layers = 3;  // matrices: in -> hidden -> ... -> out
  int64_t in = 64, hidden = 256, out = 64;
  ir::DType dtype =
      ir::DType::kF32;  // of the computation; parameters are f32 under 16-bit types, else the same
};

// Batch inputs x [B, in] and y [B, out], in the parameters' type.
Model mlp(const MlpConfig& config);

}  // namespace cordata::models
