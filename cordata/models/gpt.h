// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "cordata/models/model.h"

namespace cordata::models {

// A transformer over tokens as GPT-2 has it: pre-layernorm, causal, learned positions, GELU (Radford et al.
// 2019). With post_norm, as BERT has it (Devlin et al. 2018): norms after the sums, and one after the
// embedding instead of the last one.
struct GptConfig {
  int64_t layers = 4, hidden = 256, heads = 4, seq = 128, vocab = 256;
  bool tied = true;  // the logits use the embedding's matrix
  ir::DType dtype =
      ir::DType::kF32;  // of the computation; parameters are f32 under 16-bit types, else the same
  bool post_norm = false;
  bool causal = true;    // a position sees those before it; else all
  bool one_hot = false;  // the embedding is a matrix product with one-hot rows, whatever the vocabulary
  int64_t widen =
      0;  // columns that each block's MLP is wider than that of the block before; the first: 4 * hidden
};

// One batch input, tokens [B, seq + 1]: each position but the last predicts the next. Throws a user error
// when heads don't divide hidden. Initial values as GPT-2: normal 0.02, residual projections divided by
// sqrt(2 layers).
Model gpt(const GptConfig& config);

// (params, tokens [samples, seq]) -> logits [samples, seq, vocab]: what sampling runs.
ir::Graph gpt_logits(const GptConfig& config, int64_t samples);

}  // namespace cordata::models
