// SPDX-License-Identifier: Apache-2.0
#include "cordata/ir/ops/infer.h"
#include "cordata/ir/ops/rows.h"
#include "cordata/ir/ops/rules.h"
#include "cordata/ir/ops/vjp.h"

namespace cordata::ir::ops {
namespace {

// One integer scalar a dim, from operand `first` on.
void want_starts(const OpView& v, size_t first) {
  size_t rank = v.operands[0].shape.size();
  if (v.operands.size() != first + rank) fail_types(v, fmt::format("a start for each of {} dims", rank));
  for (const Type& t : v.operands.subspan(first)) {
    want(v, t.rank() == 0 && is_integer(t.dtype), "integer scalars as starts");
  }
}

Types dynamic_slice(const OpView& v) {
  want(v, !v.operands.empty(), "an operand and its starts");
  want_tensors(v);
  want_starts(v, 1);
  Type t = v.operands[0];
  Ints sizes = integers(v, "slice_sizes");
  bool inside = sizes.size() == t.shape.size();
  for (size_t d = 0; inside && d < sizes.size(); ++d) inside = sizes[d] >= 0 && sizes[d] <= t.shape[d];
  if (!inside) fail(v, "slice sizes inside " + to_string(t), text(sizes));
  t.shape = sizes;
  return {t};
}

Types dynamic_update_slice(const OpView& v) {
  want(v, v.operands.size() >= 2, "an operand, an update and its starts");
  want_tensors(v);
  want_starts(v, 2);
  const Type &t = v.operands[0], &update = v.operands[1];
  bool inside = t.dtype == update.dtype && t.rank() == update.rank();
  for (size_t d = 0; inside && d < t.shape.size(); ++d) inside = update.shape[d] <= t.shape[d];
  want(v, inside, "an update of the operand's element type that fits inside it");
  return {t};
}

constexpr OpRow kRows[] = {
    {.kind = OpKind::kDynamicSlice,
     .infer = dynamic_slice,
     .vjp = vjp_dynamic_slice,
     .rule = dynamic_slice_rule,
     .localize = localize_dynamic_slice},
    {.kind = OpKind::kDynamicUpdateSlice,
     .infer = dynamic_update_slice,
     .vjp = vjp_dynamic_update_slice,
     .rule = dynamic_update_slice_rule},
};

}  // namespace

std::span<const OpRow> dynamic_slice_rows() { return kRows; }

}  // namespace cordata::ir::ops
