// SPDX-License-Identifier: Apache-2.0
#include "cordata/planner/intra_op/local_time.h"

#include <algorithm>

namespace cordata::planner {
namespace {

using sharding::Strategy;

// Devices that divide a tensor among them; all that divide the op where there is none.
double shards(const Strategy& s, const sharding::Mesh& mesh, const ir::TensorFactors* tensor) {
  double out = 1;
  for (int a = 0; a < mesh.num_axes(); ++a) {
    const auto has = [&](const auto& dim) { return std::ranges::find(dim, s.use[a]) != dim.end(); };
    if (s.use[a] >= 0 && (!tensor || std::ranges::any_of(*tensor, has)))
      out *= static_cast<double>(mesh.shape[a]);
  }
  return out;
}

// As cost::op_sizes has them.
cost::OpSizes local_sizes(const StageView& stage, const StageView::Op& op, const Strategy& s,
                          const sharding::Mesh& mesh) {
  const auto cut = sharding::factor_shards(op.rule, s, mesh);
  cost::OpSizes out;
  const auto put = [&](int value, const ir::TensorFactors& tensor) {
    const auto& shape = stage.values[value].shape;
    out.push_back(-1);
    for (size_t d = 0; d < shape.size(); ++d) {
      int64_t n = shape[d];
      if (d < tensor.size())
        for (const int f : tensor[d]) n /= cut[f];
      out.push_back(n);
    }
  };
  for (size_t k = 0; k < op.operands.size(); ++k) put(op.operands[k], op.rule.operands[k]);
  for (size_t r = 0; r < op.results.size(); ++r) put(op.results[r], op.rule.results[r]);
  return out;
}

}  // namespace

double local_seconds(const StageView& stage, const StageView::Op& op, const Strategy& s,
                     const sharding::Mesh& mesh) {
  if (op.measured.times)
    if (const auto seconds = op.measured.of(local_sizes(stage, op, s, mesh))) return *seconds;
  const double n = shards(s, mesh, nullptr);
  if (op.read.empty() && op.written.empty()) return op.seconds / n + op.launch;
  double moved = 0;
  for (size_t k = 0; k < op.read.size(); ++k)
    if (op.read[k] > 0) moved += op.read[k] / shards(s, mesh, &op.rule.operands[k]);
  for (size_t r = 0; r < op.written.size(); ++r)
    if (op.written[r] > 0) moved += op.written[r] / shards(s, mesh, &op.rule.results[r]);
  return cost::roofline(op.compute / n, moved, op.serial) + op.launch;
}

bool is_measured(const StageView& stage, const StageView::Op& op, const Strategy& strategy,
                 const sharding::Mesh& mesh) {
  return op.measured.times && op.measured.of(local_sizes(stage, op, strategy, mesh)).has_value();
}

double measured_share(const StageView& stage, const plan::StageSharding& sharding,
                      const sharding::Mesh& mesh) {
  double measured = 0, all = 0;
  for (size_t i = 0; i < stage.ops.size(); ++i) {
    const auto& op = stage.ops[i];
    const double seconds = op.constant_like ? 0 : local_seconds(stage, op, sharding.ops[i], mesh);
    const double step = seconds * (op.pass.phase == step::Phase::kApply ? 1 : stage.microbatches);
    all += step;
    if (is_measured(stage, op, sharding.ops[i], mesh)) measured += step;
  }
  return all > 0 ? measured / all : 0;
}

}  // namespace cordata::planner
