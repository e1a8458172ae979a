// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "cordata/ir/builder.h"

// Formulas over values of a builder, as one writes them on paper: `ct * (1 - y * y)`. For derivatives and
// expansions.
namespace cordata::ir::ops {

struct Expr {
  GraphBuilder& b;
  ValueId id;

  operator ValueId() const { return id; }
  const Type& type() const { return b.type(id); }
  Expr of(ValueId v) const { return {b, v}; }
  Expr like(double v) const {
    return of(b.constant(v, type().dtype, type().shape));
  }  // a splat of this one's type
  Expr unary(OpKind kind) const { return of(b.unary(kind, id)); }
  Expr binary(OpKind kind, Expr y) const { return of(b.binary(kind, id, y.id)); }
};

inline Expr operator+(Expr x, Expr y) { return x.binary(OpKind::kAdd, y); }
inline Expr operator-(Expr x, Expr y) { return x.binary(OpKind::kSubtract, y); }
inline Expr operator*(Expr x, Expr y) { return x.binary(OpKind::kMultiply, y); }
inline Expr operator/(Expr x, Expr y) { return x.binary(OpKind::kDivide, y); }
inline Expr operator-(Expr x) { return x.unary(OpKind::kNegate); }
inline Expr operator+(Expr x, double k) { return x + x.like(k); }
inline Expr operator*(Expr x, double k) { return x * x.like(k); }
inline Expr operator+(double k, Expr x) { return x + k; }
inline Expr operator*(double k, Expr x) { return x * k; }
inline Expr operator-(double k, Expr x) { return x.like(k) - x; }
inline Expr operator-(Expr x, double k) { return x - x.like(k); }
inline Expr operator/(double k, Expr x) { return x.like(k) / x; }

inline Expr compare(Expr x, Expr y, const char* direction) { return x.of(x.b.compare(x, y, direction)); }
inline Expr select(Expr pred, Expr on_true, Expr on_false) {
  return pred.of(pred.b.select(pred, on_true, on_false));
}
inline Expr exp(Expr x) { return x.unary(OpKind::kExponential); }
inline Expr rsqrt(Expr x) { return x.unary(OpKind::kRsqrt); }
inline Expr square(Expr x) { return x * x; }

// Sum over dims; x itself if there are none.
Expr sum(Expr x, const std::vector<int64_t>& dims);
Expr sum_all(Expr x);
// x, a scalar or of this shape already, as that shape.
Expr filled(Expr x, const Shape& shape);

bool is_constant(Expr x, double v);  // a constant whose elements are all v
// Whether x is the constant that no element exceeds when they are compared for the largest (the smallest): an
// infinity.
bool is_neutral_extreme(Expr x, bool largest);

}  // namespace cordata::ir::ops
