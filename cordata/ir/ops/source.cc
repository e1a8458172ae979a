// SPDX-License-Identifier: Apache-2.0
// Ops that make data out of nothing.
#include "cordata/ir/ops/infer.h"
#include "cordata/ir/ops/rows.h"
#include "cordata/ir/ops/rules.h"

namespace cordata::ir::ops {
namespace {

Types constant(const OpView& v) {
  want_operands(v, 0);
  const Attribute* value = find(v, "value");
  if (!value || value->kind() != Attribute::Kind::kDenseElements)
    fail(v, "dense elements as value", "another kind of attribute, or none");
  return {value->dense().type};
}

void verify_iota(const OpView& v) {
  want_operands(v, 0);
  int64_t dim = integer(v, "iota_dimension");
  want_dims(v, {&dim, 1}, given_tensor(v).rank(), "iota_dimension");
}

constexpr OpRow kRows[] = {
    {.kind = OpKind::kChloConstant, .infer = constant},
    {.kind = OpKind::kChloConstantLike, .verify = [](const OpView& v) { given_tensor(v); }},
    {.kind = OpKind::kConstant, .infer = constant, .rule = constant_rule, .localize = localize_constant},
    {.kind = OpKind::kIota, .verify = verify_iota, .rule = iota_rule, .localize = localize_iota},
};

}  // namespace

std::span<const OpRow> source_rows() { return kRows; }

}  // namespace cordata::ir::ops
