// SPDX-License-Identifier: Apache-2.0
#include "cordata/ir/ops/vjp.h"

namespace cordata::ir::ops {

void vjp_zero(VjpView&) {}

void vjp_add(VjpView& v) {
  Flow f(v);
  f.give(0, f.ct());
  f.give(1, f.ct());
}

void vjp_subtract(VjpView& v) {
  Flow f(v);
  f.give(0, f.ct());
  if (f.wants(1)) f.give(1, -f.ct());
}

void vjp_multiply(VjpView& v) {
  Flow f(v);
  if (f.wants(0)) f.give(0, f.ct() * f.x(1));
  if (f.wants(1)) f.give(1, f.ct() * f.x(0));
}

void vjp_divide(VjpView& v) {
  Flow f(v);
  Expr part = f.ct() / f.x(1);
  f.give(0, part);
  if (f.wants(1)) f.give(1, -(part * f.y()));
}

// With 0 where the modulus is 0.
void vjp_abs(VjpView& v) {
  Flow f(v);
  if (!is_complex(f.x().type().dtype)) return f.give(0, f.ct() * f.x().unary(OpKind::kSign));
  Expr safe = select(compare(f.y(), f.y().like(0), "EQ"), f.y().like(1), f.y());
  Expr scale = f.ct() / safe;
  Expr re = f.x().of(f.b().unary(OpKind::kReal, f.x())), im = f.x().of(f.b().unary(OpKind::kImag, f.x()));
  f.give(0, (re * scale).binary(OpKind::kComplex, -(im * scale)));
}

void vjp_atan2(VjpView& v) {
  Flow f(v);
  Expr part = f.ct() / (square(f.x(0)) + square(f.x(1)));
  f.give(0, part * f.x(1));
  f.give(1, -(part * f.x(0)));
}

namespace {

// Where an operand is the one chosen it gets the cotangent, where both are equal a half.
void share_of_larger(VjpView& v, const char* wins, const char* loses) {
  Flow f(v);
  Expr ct = f.ct(), zero = ct.like(0);
  Expr tie = select(compare(f.x(0), f.x(1), "EQ"), ct * 0.5, zero);
  if (f.wants(0)) f.give(0, select(compare(f.x(0), f.x(1), wins), ct, tie));
  if (f.wants(1)) f.give(1, select(compare(f.x(0), f.x(1), loses), ct, tie));
}

}  // namespace

void vjp_maximum(VjpView& v) { share_of_larger(v, "GT", "LT"); }
void vjp_minimum(VjpView& v) { share_of_larger(v, "LT", "GT"); }

// d x^y = y x^(y-1) dx + log(x) x^y dy, with 0 for the first where y is 0 and for the second where x is 0.
void vjp_power(VjpView& v) {
  Flow f(v);
  Expr x = f.x(0), y = f.x(1), one = x.like(1), zero = x.like(0);
  if (f.wants(0)) {
    Expr still = compare(y, zero, "EQ");
    Expr slope = y * x.binary(OpKind::kPower, select(still, one, y - 1));
    f.give(0, f.ct() * slope);
  }
  if (f.wants(1)) {
    Expr safe = select(compare(x, zero, "EQ"), one, x);
    f.give(1, f.ct() * (safe.unary(OpKind::kLog) * f.y()));
  }
}

// x - y trunc(x / y)
void vjp_remainder(VjpView& v) {
  Flow f(v);
  f.give(0, f.ct());
  if (!f.wants(1)) return;
  Expr ratio = f.x(0) / f.x(1);
  Expr whole = ratio.unary(OpKind::kSign) * ratio.unary(OpKind::kAbs).unary(OpKind::kFloor);
  f.give(1, -(f.ct() * whole));
}

void vjp_select(VjpView& v) {
  Flow f(v);
  Expr zero = f.ct().like(0);
  if (f.wants(1)) f.give(1, select(f.x(0), f.ct(), zero));
  if (f.wants(2)) f.give(2, select(f.x(0), zero, f.ct()));
}

// min(max(x, low), high). Scalar bounds get the sum of what flows to them.
void vjp_clamp(VjpView& v) {
  Flow f(v);
  Expr x = f.x(1), zero = f.ct().like(0);
  const Shape shape = x.type().shape;
  Expr low = filled(f.x(0), shape), high = filled(f.x(2), shape);
  auto both = [](Expr p, Expr q) { return p.binary(OpKind::kAnd, q); };
  auto bound = [&](int i, Expr chosen) {
    Expr share = select(chosen, f.ct(), zero);
    f.give(i, f.x(i).type().shape == shape ? share : sum_all(share));
  };
  if (f.wants(0)) bound(0, both(compare(low, x, "GT"), compare(low, high, "LT")));
  if (f.wants(1)) f.give(1, select(both(compare(x, low, "GT"), compare(x, high, "LT")), f.ct(), zero));
  if (f.wants(2)) bound(2, compare(x.binary(OpKind::kMaximum, low), high, "GT"));
}

#define UNARY_VJP(name, formula)            \
  void vjp_##name(VjpView& v) {             \
    Flow f(v);                              \
    Expr x = f.x(), y = f.y(), ct = f.ct(); \
    (void)x;                                \
    (void)y;                                \
    f.give(0, formula);                     \
  }

UNARY_VJP(cbrt, ct / (3 * square(y)))
UNARY_VJP(cosine, -(ct* x.unary(OpKind::kSine)))
UNARY_VJP(exponential, ct* y)
UNARY_VJP(exponential_minus_one, ct*(y + 1))
UNARY_VJP(log, ct / x)
UNARY_VJP(log_plus_one, ct / (x + 1))
UNARY_VJP(logistic, ct*(y*(1 - y)))
UNARY_VJP(negate, -ct)
UNARY_VJP(rsqrt, ct*(-0.5 * (y / x)))
UNARY_VJP(sine, ct* x.unary(OpKind::kCosine))
UNARY_VJP(sqrt, ct*(0.5 / y))
UNARY_VJP(tan, ct*(1 + square(y)))
UNARY_VJP(tanh, ct*(1 - square(y)))

#undef UNARY_VJP

}  // namespace cordata::ir::ops
