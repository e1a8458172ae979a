// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "cordata/ir/ops/view.h"

// Factor rules, and the local op they need where the op itself on local shapes is not it. Rules of ops with
// few attributes are shared by groups of rows; each is written like an einsum in the comment above it.
namespace cordata::ir::ops {

// Writes a rule: factors, and where they stand. Dims that nothing is put in can't be sharded.
class RuleWriter {
 public:
  explicit RuleWriter(const OpView& v) : rule_(replicated_rule(v)) {}

  int factor(int64_t size, FactorKind kind = FactorKind::kPass, ReduceKind reduce = ReduceKind::kAdd) {
    rule_.factors.push_back({size, kind, reduce});
    return static_cast<int>(rule_.factors.size()) - 1;
  }
  RuleWriter& operand(size_t i, int64_t dim, int factor) {
    rule_.operands[i][dim].push_back(factor);
    return *this;
  }
  RuleWriter& result(size_t i, int64_t dim, int factor) {
    rule_.results[i][dim].push_back(factor);
    return *this;
  }
  RuleWriter& linear(LinearSet set) {
    rule_.linear.push_back(set);
    return *this;
  }
  FactorRule done() { return std::move(rule_); }

 private:
  FactorRule rule_;
};

// elementwise: ([i j], [i j], ...)->([i j], ...); scalars among operands stay whole.
FactorRule elementwise_rule(const OpView& v);
FactorRule linear_each_rule(const OpView& v);      // f(x, y) linear in each of its operands alone: multiply
FactorRule linear_first_rule(const OpView& v);     // linear in the first operand: divide, negate
FactorRule linear_together_rule(const OpView& v);  // linear in all operands together: add, subtract
FactorRule convert_rule(const OpView& v);
FactorRule bitcast_rule(const OpView& v);
FactorRule select_rule(const OpView& v);
FactorRule barrier_rule(const OpView& v);
FactorRule after_rule(const OpView& v);  // the first operand dim by dim; the others as they are

FactorRule broadcast_rule(const OpView& v);
FactorRule broadcast_in_dim_rule(const OpView& v);
FactorRule concatenate_rule(const OpView& v);
FactorRule pad_rule(const OpView& v);
FactorRule reshape_rule(const OpView& v);
FactorRule reverse_rule(const OpView& v);
FactorRule slice_rule(const OpView& v);
FactorRule transpose_rule(const OpView& v);

FactorRule constant_rule(const OpView& v);
FactorRule iota_rule(const OpView& v);

FactorRule convolution_rule(const OpView& v);
FactorRule dot_rule(const OpView& v);
FactorRule dot_general_rule(const OpView& v);
FactorRule dynamic_slice_rule(const OpView& v);
FactorRule dynamic_update_slice_rule(const OpView& v);
FactorRule gather_rule(const OpView& v);
FactorRule matrices_rule(const OpView& v);  // cholesky, triangular_solve: all but the last two dims
FactorRule fft_rule(const OpView& v);
FactorRule reduce_rule(const OpView& v);
FactorRule reduce_window_rule(const OpView& v);
FactorRule scatter_rule(const OpView& v);
FactorRule sort_rule(const OpView& v);
FactorRule top_k_rule(const OpView& v);

using Values = std::vector<ValueId>;
Values localize_after(LocalizeView& v);
Values localize_constant(LocalizeView& v);
Values localize_dynamic_slice(LocalizeView& v);
Values localize_gather(LocalizeView& v);
Values localize_iota(LocalizeView& v);
Values localize_broadcast(LocalizeView& v);
Values localize_scatter(LocalizeView& v);
Values localize_slice(LocalizeView& v);

// True when an operand is known to be a splat of exactly this value: a constant, or a broadcast or conversion
// of one.
bool is_splat(const OpView& v, size_t operand, double value);
// How two values of this op join across devices, if they can.
std::optional<ReduceKind> reduce_kind(OpKind op);

}  // namespace cordata::ir::ops
