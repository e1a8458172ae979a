// SPDX-License-Identifier: Apache-2.0
// CHLO's elementwise ops: functions that StableHLO leaves to its clients. JAX emits some of them (erf,
// erf_inv, ...).
#include "cordata/ir/ops/infer.h"
#include "cordata/ir/ops/rows.h"
#include "cordata/ir/ops/rules.h"
#include "cordata/ir/ops/vjp.h"

namespace cordata::ir::ops {
namespace {

constexpr OpRow unary(OpKind kind, Vjp vjp = nullptr) {
  return {.kind = kind, .infer = same_type_unary, .vjp = vjp, .flops = per_element, .rule = elementwise_rule};
}
constexpr OpRow binary(OpKind kind, Vjp vjp = nullptr) {
  return {
      .kind = kind, .infer = same_type_binary, .vjp = vjp, .flops = per_element, .rule = elementwise_rule};
}
constexpr OpRow test(OpKind kind) {
  return {.kind = kind, .infer = predicate, .flops = per_element, .rule = elementwise_rule};
}

constexpr OpRow kRows[] = {
    unary(OpKind::kChloAcos, vjp_chlo_acos),
    unary(OpKind::kChloAcosh, vjp_chlo_acosh),
    unary(OpKind::kChloAsin, vjp_chlo_asin),
    unary(OpKind::kChloAsinh, vjp_chlo_asinh),
    unary(OpKind::kChloAtan, vjp_chlo_atan),
    unary(OpKind::kChloAtanh, vjp_chlo_atanh),
    unary(OpKind::kChloBesselI1e),
    unary(OpKind::kChloConj, vjp_chlo_conj),
    unary(OpKind::kChloCosh, vjp_chlo_cosh),
    unary(OpKind::kChloDigamma, vjp_chlo_digamma),
    unary(OpKind::kChloErf, vjp_chlo_erf),
    unary(OpKind::kChloErfInv, vjp_chlo_erf_inv),
    unary(OpKind::kChloErfc, vjp_chlo_erfc),
    test(OpKind::kChloIsInf),
    test(OpKind::kChloIsNegInf),
    test(OpKind::kChloIsPosInf),
    unary(OpKind::kChloLgamma, vjp_chlo_lgamma),
    binary(OpKind::kChloNextAfter),
    binary(OpKind::kChloPolygamma, vjp_chlo_polygamma),
    unary(OpKind::kChloSinh, vjp_chlo_sinh),
    unary(OpKind::kChloSquare, vjp_chlo_square),
    unary(OpKind::kChloTan, vjp_tan),
    binary(OpKind::kChloZeta, vjp_chlo_zeta),
};

}  // namespace

std::span<const OpRow> chlo_rows() { return kRows; }

}  // namespace cordata::ir::ops
