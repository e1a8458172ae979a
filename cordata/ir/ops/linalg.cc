// SPDX-License-Identifier: Apache-2.0
#include <cmath>

#include "cordata/ir/ops/infer.h"
#include "cordata/ir/ops/rows.h"
#include "cordata/ir/ops/rules.h"
#include "cordata/ir/ops/vjp.h"

namespace cordata::ir::ops {
namespace {

Types cholesky(const OpView& v) {
  Type t = same_type_unary(v)[0];
  want(v, t.rank() >= 2 && t.shape[t.rank() - 1] == t.shape[t.rank() - 2], "square matrices");
  return {t};
}

// a x = b, or x a = b.
Types triangular_solve(const OpView& v) {
  want_operands(v, 2);
  want_tensors(v);
  const Type &a = v.operands[0], &b = v.operands[1];
  int64_t n = a.rank();
  bool fits = n >= 2 && b.rank() == n && a.shape[n - 1] == a.shape[n - 2];
  fits = fits && b.shape[n - (flag(v, "left_side") ? 2 : 1)] == a.shape[n - 1];
  want(v, fits, "square matrices, and right-hand sides of their size");
  return {b};
}

// n^3 / 3 for each matrix of n x n.
base::Flops cholesky_flops(const OpView& v) {
  return per_operand_element(v) * (static_cast<double>(v.operands[0].shape.back()) / 3);
}

base::Flops triangular_solve_flops(const OpView& v) {
  return per_element(v) * static_cast<double>(v.operands[0].shape.back());
}

// 5 N log2 N (Cooley and Tukey 1965) for each transform of N points.
base::Flops fft_flops(const OpView& v) {
  double points = 1;
  for (int64_t n : integers(v, "fft_length")) points *= static_cast<double>(n);
  return points > 1 ? per_operand_element(v) * (5 * std::log2(points)) : base::Flops(0);
}

constexpr OpRow kRows[] = {
    {.kind = OpKind::kCholesky,
     .infer = cholesky,
     .vjp = vjp_cholesky,
     .flops = cholesky_flops,
     .rule = matrices_rule},
    {.kind = OpKind::kFft,
     .verify = [](const OpView& v) { given_tensor(v); },
     .vjp = vjp_fft,
     .flops = fft_flops,
     .rule = fft_rule},
    {.kind = OpKind::kTriangularSolve,
     .infer = triangular_solve,
     .vjp = vjp_triangular_solve,
     .flops = triangular_solve_flops,
     .rule = matrices_rule},
};

}  // namespace

std::span<const OpRow> linalg_rows() { return kRows; }

}  // namespace cordata::ir::ops
