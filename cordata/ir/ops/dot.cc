// SPDX-License-Identifier: Apache-2.0
#include "cordata/ir/ops/dot.h"

#include "cordata/ir/ops/infer.h"
#include "cordata/ir/ops/rows.h"
#include "cordata/ir/ops/rules.h"
#include "cordata/ir/ops/vjp.h"

namespace cordata::ir::ops {
namespace {

Ints joined(Ints a, const Ints& b) {
  a.insert(a.end(), b.begin(), b.end());
  return a;
}

void want_same_sizes(const OpView& v, const Ints& lhs, const Ints& rhs, std::string_view what) {
  bool same = lhs.size() == rhs.size();
  for (size_t i = 0; same && i < lhs.size(); ++i)
    same = v.operands[0].shape[lhs[i]] == v.operands[1].shape[rhs[i]];
  if (!same)
    fail(v, fmt::format("{} dims of equal sizes", what),
         fmt::format("{} and {} of {}", text(lhs), text(rhs), types_text(v.operands)));
}

}  // namespace

DotDims dot_dims(const OpView& v) {
  const Attribute& a = structure(v, "dot_dimension_numbers");
  DotDims d{field(a, "lhs_batching_dimensions"),
            field(a, "rhs_batching_dimensions"),
            field(a, "lhs_contracting_dimensions"),
            field(a, "rhs_contracting_dimensions"),
            {},
            {}};
  Ints lhs = joined(d.lhs_batch, d.lhs_contract), rhs = joined(d.rhs_batch, d.rhs_contract);
  want_dims(v, lhs, v.operands[0].rank(), "dims of the left side");
  want_dims(v, rhs, v.operands[1].rank(), "dims of the right side");
  d.lhs_free = other_dims(v.operands[0].rank(), lhs);
  d.rhs_free = other_dims(v.operands[1].rank(), rhs);
  return d;
}

namespace {

Types dot_general(const OpView& v) {
  want_operands(v, 2);
  want_tensors(v);
  DotDims d = dot_dims(v);
  want_same_sizes(v, d.lhs_batch, d.rhs_batch, "batch");
  want_same_sizes(v, d.lhs_contract, d.rhs_contract, "contracting");
  Type out = Type::tensor(wanted_dtype(v, v.operands[0].dtype));
  for (int64_t i : joined(d.lhs_batch, d.lhs_free)) out.shape.push_back(v.operands[0].shape[i]);
  for (int64_t i : d.rhs_free) out.shape.push_back(v.operands[1].shape[i]);
  return {out};
}

// The last dim of the left side with the first of the right.
Types dot(const OpView& v) {
  want_operands(v, 2);
  want_tensors(v);
  const Shape &x = v.operands[0].shape, &y = v.operands[1].shape;
  bool fits = !x.empty() && !y.empty() && x.size() <= 2 && y.size() <= 2 && x.back() == y.front();
  want(v, fits, "vectors or matrices whose inner dims are equal");
  Type out = Type::tensor(wanted_dtype(v, v.operands[0].dtype), {x.begin(), x.end() - 1});
  out.shape.insert(out.shape.end(), y.begin() + 1, y.end());
  return {out};
}

// 2 for each product summed into each element.
base::Flops products(const OpView& v, double inner) {
  return base::Flops(2.0 * static_cast<double>(v.results[0].num_elements()) * inner);
}

base::Flops dot_general_flops(const OpView& v) {
  double inner = 1;
  for (int64_t d : dot_dims(v).lhs_contract) inner *= static_cast<double>(v.operands[0].shape[d]);
  return products(v, inner);
}

base::Flops dot_flops(const OpView& v) {
  return products(v, static_cast<double>(v.operands[0].shape.back()));
}

// [g, k, n] weights for groups of rows of [m, k]: every row meets one group's matrix.
base::Flops ragged_dot_flops(const OpView& v) {
  return products(v, static_cast<double>(v.operands[0].shape.back()));
}

constexpr OpRow kRows[] = {
    {.kind = OpKind::kChloRaggedDot, .flops = ragged_dot_flops},
    {.kind = OpKind::kDot, .infer = dot, .vjp = vjp_dot, .flops = dot_flops, .rule = dot_rule},
    {.kind = OpKind::kDotGeneral,
     .infer = dot_general,
     .vjp = vjp_dot_general,
     .flops = dot_general_flops,
     .rule = dot_general_rule},
    {.kind = OpKind::kEinsum},
    {.kind = OpKind::kUnaryEinsum},
};

}  // namespace

std::span<const OpRow> dot_rows() { return kRows; }

}  // namespace cordata::ir::ops
