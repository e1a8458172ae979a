// SPDX-License-Identifier: Apache-2.0
// Batch normalisation as one op. JAX doesn't emit it; other frontends do.
#include "cordata/ir/ops/infer.h"
#include "cordata/ir/ops/rows.h"
#include "cordata/ir/ops/vjp.h"

namespace cordata::ir::ops {
namespace {

// The input, and `others` vectors over its feature dim.
void want_features(const OpView& v, size_t others) {
  want_tensors(v);
  int64_t dim = integer(v, "feature_index");
  want_dims(v, {&dim, 1}, v.operands[0].rank(), "feature_index");
  for (const Type& t : v.operands.subspan(1, others)) {
    want(v, t.shape == Shape{v.operands[0].shape[dim]}, "vectors as long as the operand's feature dim");
  }
}

Types training(const OpView& v) {
  want_operands(v, 3);
  want_features(v, 2);
  return {v.operands[0], v.operands[1], v.operands[1]};
}

Types inference(const OpView& v) {
  want_operands(v, 5);
  want_features(v, 4);
  return {v.operands[0]};
}

Types grad(const OpView& v) {
  want_operands(v, 5);
  want_features(v, 3);
  return {v.operands[0], v.operands[1], v.operands[1]};
}

base::Flops some_per_element(const OpView& v) { return per_operand_element(v) * 8; }

constexpr OpRow kRows[] = {
    {.kind = OpKind::kBatchNormGrad, .infer = grad, .flops = some_per_element},
    {.kind = OpKind::kBatchNormInference,
     .infer = inference,
     .vjp = vjp_batch_norm_inference,
     .flops = some_per_element},
    {.kind = OpKind::kBatchNormTraining,
     .infer = training,
     .vjp = vjp_batch_norm_training,
     .flops = some_per_element},
};

}  // namespace

std::span<const OpRow> norm_rows() { return kRows; }

}  // namespace cordata::ir::ops
