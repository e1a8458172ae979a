// SPDX-License-Identifier: Apache-2.0
#include "cordata/ir/ops/vjp.h"

namespace cordata::ir::ops {
namespace {

struct Reduced {
  Shape shape;  // of the operand
  Ints dims, kept;

  // A result, repeated along the dims it was reduced over.
  Expr spread(Expr y) const { return y.of(y.b.broadcast_in_dim(y, shape, kept)); }
};

void backward_add(Flow& f, const Reduced& r) {
  f.give(0, r.spread(f.ct()));
  if (f.wants(1)) f.give(1, sum_all(f.ct()));
}

// Shared evenly by the elements that are the extreme, the initial value among them unless it is the one that
// never is.
void backward_extreme(Flow& f, const Reduced& r, bool largest) {
  auto ones = [&](Expr which) { return which.of(f.b().convert(which, f.ct().type().dtype)); };
  Expr chosen = ones(compare(f.x(0), r.spread(f.y()), "EQ")), count = sum(chosen, r.dims);
  if (is_neutral_extreme(f.x(1), largest)) return f.give(0, chosen * r.spread(f.ct() / count));
  Expr initial = ones(compare(filled(f.x(1), f.y().type().shape), f.y(), "EQ"));
  Expr share = f.ct() / (count + initial);
  f.give(0, chosen * r.spread(share));
  f.give(1, sum_all(initial * share));
}

// The product of all others. Where one factor is zero only that one has a derivative, where two are, none
// has.
void backward_multiply(Flow& f, const Reduced& r) {
  Expr x = f.x(0), one = x.like(1), zero = x.like(0);
  auto product = [&](Expr of) { return x.of(f.b().reduce(OpKind::kMultiply, of, 1, r.dims)); };
  if (f.wants(1)) f.give(1, sum_all(f.ct() * product(x)));
  Expr is_zero = compare(x, zero, "EQ");
  Expr safe = select(is_zero, one, x);
  Expr flags = x.of(f.b().convert(is_zero, x.type().dtype));
  Expr zeros = r.spread(sum(flags, r.dims));
  Expr initial = filled(f.x(1), f.ct().type().shape);
  Expr others = r.spread(f.ct() * (initial * product(safe))) / safe;
  f.give(0, select(compare(zeros - flags, zero, "EQ"), others, zero));
}

}  // namespace

void vjp_reduce(VjpView& v) {
  Flow f(v);
  if (v.operands.size() != 2) f.refuse("a single operand", "several, reduced together");
  auto kind = plain_binary_region(v.graph, v.node.regions[0]);
  Reduced r{f.x().type().shape, integers(f.op(), "dimensions"), {}};
  r.kept = other_dims(f.x().type().rank(), r.dims);
  if (kind == OpKind::kAdd) return backward_add(f, r);
  if (kind == OpKind::kMaximum || kind == OpKind::kMinimum)
    return backward_extreme(f, r, kind == OpKind::kMaximum);
  if (kind == OpKind::kMultiply) return backward_multiply(f, r);
  f.refuse("a region that adds, multiplies, or takes the maximum or minimum", "another one");
}

}  // namespace cordata::ir::ops
