// SPDX-License-Identifier: Apache-2.0
// Rules of ops that read or write at computed places.
#include "cordata/ir/ops/gather.h"
#include "cordata/ir/ops/rules.h"

namespace cordata::ir::ops {

// ([i j], [], [])->([i j]): dims that are taken whole, where the start can only be 0.
FactorRule dynamic_slice_rule(const OpView& v) {
  RuleWriter w(v);
  for (int64_t d = 0; d < v.results[0].rank(); ++d) {
    if (v.operands[0].shape[d] != v.results[0].shape[d]) continue;
    int f = w.factor(v.results[0].shape[d]);
    w.operand(0, d, f).result(0, d, f);
  }
  return w.linear(1).done();
}

FactorRule dynamic_update_slice_rule(const OpView& v) {
  RuleWriter w(v);
  for (int64_t d = 0; d < v.results[0].rank(); ++d) {
    if (v.operands[0].shape[d] != v.operands[1].shape[d]) continue;
    int f = w.factor(v.results[0].shape[d]);
    w.operand(0, d, f).operand(1, d, f).result(0, d, f);
  }
  return w.linear(0b11).done();
}

namespace {

// The dim of the indices that becomes the i-th batch dim of a gather's result.
int64_t index_dim(const GatherDims& d, int64_t i) { return i < d.index_vector_dim ? i : i + 1; }

// Which operand dim a batching dim of the indices goes with, or -1.
int64_t batching_partner(const GatherDims& d, int64_t index) {
  for (size_t i = 0; i < d.start_indices_batching_dims.size(); ++i) {
    if (d.start_indices_batching_dims[i] == index) return d.operand_batching_dims[i];
  }
  return -1;
}

}  // namespace

// ([v h], [b 1])->([b h]): rows of a table. Dims of the indices pass, and dims of the table that are taken
// whole. The dim that is indexed may be sharded too: each device looks up what falls into its part and gives
// zero elsewhere, so that the results are summands.
FactorRule gather_rule(const OpView& v) {
  RuleWriter w(v);
  GatherDims d = gather_dims(v);
  Ints sizes = integers(v, "slice_sizes");
  const Type &table = v.operands[0], &out = v.results[0];
  Ints window = d.window_dims(table.rank()), batch = d.batch_dims(out.rank());
  for (size_t i = 0; i < batch.size(); ++i) {
    int f = w.factor(out.shape[batch[i]]);
    int64_t index = index_dim(d, static_cast<int64_t>(i)), partner = batching_partner(d, index);
    w.operand(1, index, f).result(0, batch[i], f);
    if (partner >= 0) w.operand(0, partner, f);
  }
  for (size_t i = 0; i < window.size(); ++i) {
    if (sizes[window[i]] != table.shape[window[i]]) continue;
    int f = w.factor(out.shape[d.offset_dims[i]]);
    w.operand(0, window[i], f).result(0, d.offset_dims[i], f);
  }
  bool rows =
      d.start_index_map.size() == 1 && d.collapsed_slice_dims == d.start_index_map && is_float(table.dtype);
  if (rows)
    w.operand(0, d.start_index_map[0], w.factor(table.shape[d.start_index_map[0]], FactorKind::kSpecial));
  return w.linear(1).done();
}

// ([v h], [b 1], [b h])->([v h]): the mirror image. A row of updates may go to any row of the input, so
// sharded updates give summands; then the input must be zero. A sharded input takes what falls into its part:
// other updates are out of bounds there.
FactorRule scatter_rule(const OpView& v) {
  if (v.operands.size() != 3) return replicated_rule(v);
  RuleWriter w(v);
  GatherDims d = scatter_dims(v);
  const Type &input = v.operands[0], &updates = v.operands[2];
  Ints window = d.window_dims(input.rank()), batch = d.batch_dims(updates.rank());
  std::optional<OpKind> op = v.graph ? plain_binary_region(*v.graph, v.regions[0]) : std::nullopt;
  bool adds = op == OpKind::kAdd;
  for (size_t i = 0; i < batch.size(); ++i) {
    int64_t index = index_dim(d, static_cast<int64_t>(i)), partner = batching_partner(d, index);
    bool sums = adds && is_splat(v, 0, 0);
    if (partner < 0 && !sums) continue;
    int f = w.factor(updates.shape[batch[i]], partner < 0 ? FactorKind::kReduce : FactorKind::kPass);
    w.operand(1, index, f).operand(2, batch[i], f);
    if (partner >= 0) w.operand(0, partner, f).result(0, partner, f);
  }
  for (size_t i = 0; i < window.size(); ++i) {
    if (updates.shape[d.offset_dims[i]] != input.shape[window[i]]) continue;
    int f = w.factor(input.shape[window[i]]);
    w.operand(0, window[i], f).operand(2, d.offset_dims[i], f).result(0, window[i], f);
  }
  if (d.start_index_map.size() == 1 && d.collapsed_slice_dims == d.start_index_map) {
    int64_t row = d.start_index_map[0];
    int f = w.factor(input.shape[row], FactorKind::kSpecial);
    w.operand(0, row, f).result(0, row, f);
  }
  if (adds) w.linear(0b101);
  return w.done();
}

}  // namespace cordata::ir::ops
