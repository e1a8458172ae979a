// SPDX-License-Identifier: Apache-2.0
#include <cmath>
#include <numbers>

#include "cordata/ir/ops/vjp.h"

namespace cordata::ir::ops {
namespace {

const double kTwoOverRootPi = 2 / std::sqrt(std::numbers::pi);

Expr gauss(Expr x) { return exp(-square(x)); }

// The polygamma function of a fixed order.
Expr polygamma(double order, Expr x) { return x.like(order).binary(OpKind::kChloPolygamma, x); }

}  // namespace

#define UNARY_VJP(name, formula)            \
  void vjp_chlo_##name(VjpView& v) {        \
    Flow f(v);                              \
    Expr x = f.x(), y = f.y(), ct = f.ct(); \
    (void)x;                                \
    (void)y;                                \
    f.give(0, formula);                     \
  }

UNARY_VJP(acos, -(ct* rsqrt(1 - square(x))))
UNARY_VJP(acosh, ct* rsqrt((x - 1) * (x + 1)))
UNARY_VJP(asin, ct* rsqrt(1 - square(x)))
UNARY_VJP(asinh, ct* rsqrt(square(x) + 1))
UNARY_VJP(atan, ct / (square(x) + 1))
UNARY_VJP(atanh, ct / ((1 - x) * (x + 1)))
UNARY_VJP(conj, ct.unary(OpKind::kChloConj))
UNARY_VJP(cosh, ct* x.unary(OpKind::kChloSinh))
UNARY_VJP(digamma, ct* polygamma(1, x))
UNARY_VJP(erf, ct*(kTwoOverRootPi* gauss(x)))
UNARY_VJP(erf_inv, ct*(1 / kTwoOverRootPi * exp(square(y))))
UNARY_VJP(erfc, ct*(-kTwoOverRootPi* gauss(x)))
UNARY_VJP(lgamma, ct* x.unary(OpKind::kChloDigamma))
UNARY_VJP(sinh, ct* x.unary(OpKind::kChloCosh))
UNARY_VJP(square, ct*(2 * x))

#undef UNARY_VJP

// In its argument; its order is a number, not a variable.
void vjp_chlo_polygamma(VjpView& v) {
  Flow f(v);
  if (f.wants(0)) f.refuse("an order that is not differentiated", "one that is");
  f.give(1, f.ct() * (f.x(0) + 1).binary(OpKind::kChloPolygamma, f.x(1)));
}

// zeta(s, q) in q, Hurwitz's: d/dq = -s zeta(s + 1, q).
void vjp_chlo_zeta(VjpView& v) {
  Flow f(v);
  if (f.wants(0)) f.refuse("an exponent that is not differentiated", "one that is");
  f.give(1, -(f.ct() * (f.x(0) * (f.x(0) + 1).binary(OpKind::kChloZeta, f.x(1)))));
}

}  // namespace cordata::ir::ops
