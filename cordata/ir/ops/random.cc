// SPDX-License-Identifier: Apache-2.0
#include "cordata/ir/ops/infer.h"
#include "cordata/ir/ops/rows.h"
#include "cordata/ir/ops/vjp.h"

namespace cordata::ir::ops {
namespace {

void verify_rng(const OpView& v) {
  want_operands(v, 3);
  given_tensor(v);
}

// The state comes first, in and out; the bits' type is given.
void verify_bits(const OpView& v) {
  want_operands(v, 1);
  if (v.results.size() != 2 || v.results[0] != v.operands[0]) {
    fail(v, "the state's type " + to_string(v.operands[0]) + " and one for the bits", types_text(v.results));
  }
}

constexpr OpRow kRows[] = {
    {.kind = OpKind::kRng, .verify = verify_rng, .flops = per_element},
    {.kind = OpKind::kRngBitGenerator, .verify = verify_bits},
};

}  // namespace

std::span<const OpRow> random_rows() { return kRows; }

}  // namespace cordata::ir::ops
