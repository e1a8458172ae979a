// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "cordata/ir/builder.h"

// Pieces that models share. B: samples, S: positions, H: hidden size, V: vocabulary.
namespace cordata::models {

// x [..., H] plus bias [H], or [..., n, d] plus [n, d]: a value of lower rank added along the last dims.
ir::ValueId add_bias(ir::GraphBuilder& b, ir::ValueId x, ir::ValueId bias);

// Over the last dim, eps 1e-5 (Ba et al. 2016).
ir::ValueId layer_norm(ir::GraphBuilder& b, ir::ValueId x, ir::ValueId gain, ir::ValueId bias);

// The tanh form of GELU (Hendrycks and Gimpel 2016), written as x times a logistic: the same function in
// fewer ops.
ir::ValueId gelu(ir::GraphBuilder& b, ir::ValueId x);

// Over the last dim.
ir::ValueId softmax(ir::GraphBuilder& b, ir::ValueId x);

// ids [...] -> [..., V] with a one where the id is.
ir::ValueId one_hot(ir::GraphBuilder& b, ir::ValueId ids, int64_t vocabulary, ir::DType dtype);

// Rows of table [V, H] by ids [B, S]: a matrix product with one-hot rows for small vocabularies (its
// derivative is one too, where a scatter would add row by row) or where asked for, else a gather.
ir::ValueId embed(ir::GraphBuilder& b, ir::ValueId table, ir::ValueId ids, bool one_hot = false);

// Mean over all positions of -log softmax(logits [..., V])[target [...]].
ir::ValueId cross_entropy(ir::GraphBuilder& b, ir::ValueId logits, ir::ValueId targets);

// Mean over everything; a scalar.
ir::ValueId mean(ir::GraphBuilder& b, ir::ValueId x);

}  // namespace cordata::models
