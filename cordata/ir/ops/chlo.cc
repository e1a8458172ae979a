// SPDX-License-Identifier: Apache-2.0
// CHLO's elementwise ops: functions that StableHLO leaves to its clients. JAX emits some of them (erf, erf_inv, ...).
#include "cordata/ir/ops/infer.h"
#include "cordata/ir/ops/rows.h"
#include "cordata/ir/ops/rules.h"

namespace cordata::ir::ops {
namespace {

constexpr OpRow unary(OpKind kind) { return {.kind = kind, .infer = same_type_unary, .flops = per_element, .rule = elementwise_rule}; }
constexpr OpRow binary(OpKind kind) { return {.kind = kind, .infer = same_type_binary, .flops = per_element, .rule = elementwise_rule}; }
constexpr OpRow test(OpKind kind) { return {.kind = kind, .infer = predicate, .flops = per_element, .rule = elementwise_rule}; }

constexpr OpRow kRows[] = {
    unary(OpKind::kChloAcos),
    unary(OpKind::kChloAcosh),
    unary(OpKind::kChloAsin),
    unary(OpKind::kChloAsinh),
    unary(OpKind::kChloAtan),
    unary(OpKind::kChloAtanh),
    unary(OpKind::kChloBesselI1e),
    unary(OpKind::kChloConj),
    unary(OpKind::kChloCosh),
    unary(OpKind::kChloDigamma),
    unary(OpKind::kChloErf),
    unary(OpKind::kChloErfInv),
    unary(OpKind::kChloErfc),
    test(OpKind::kChloIsInf),
    test(OpKind::kChloIsNegInf),
    test(OpKind::kChloIsPosInf),
    unary(OpKind::kChloLgamma),
    binary(OpKind::kChloNextAfter),
    binary(OpKind::kChloPolygamma),
    unary(OpKind::kChloSinh),
    unary(OpKind::kChloSquare),
    unary(OpKind::kChloTan),
    binary(OpKind::kChloZeta),
};

}  // namespace

std::span<const OpRow> chlo_rows() { return kRows; }

}  // namespace cordata::ir::ops
