// SPDX-License-Identifier: Apache-2.0
// Derivatives of matrix factorisations (Giles 2008, "Collected matrix derivative results"; Murray 2016, arXiv
// 1602.07527).
#include <algorithm>

#include "cordata/ir/ops/vjp.h"

namespace cordata::ir::ops {
namespace {

// The last two dims exchanged.
Expr transposed(Expr x) {
  Ints order = other_dims(x.type().rank(), {});
  std::swap(order[order.size() - 1], order[order.size() - 2]);
  return x.of(x.b.transpose(x, order));
}

// The product of matrices in the last two dims.
Expr matmul(Expr x, Expr y) {
  int64_t r = x.type().rank();
  Ints batch = other_dims(r - 2, {});
  DType dtype = x.type().dtype;
  return x.of(x.b.dot_general(x, y, batch, batch, {r - 1}, {r - 2}, dtype));
}

// Row number minus column number is `direction` 0: "GE" the lower triangle, "GT" without the diagonal, "LE"
// the upper one.
Expr triangle(Expr x, const char* direction) {
  Type t = Type::tensor(DType::kI32, x.type().shape);
  Expr rows = x.of(x.b.iota(t, t.rank() - 2)), columns = x.of(x.b.iota(t, t.rank() - 1));
  return select(compare(rows, columns, direction), x, x.like(0));
}

Expr solve(Expr a, Expr b, bool left, bool lower, bool unit, bool transpose) {
  return a.of(a.b.value(OpKind::kTriangularSolve, {a, b},
                        {{"left_side", Attribute::boolean(left)},
                         {"lower", Attribute::boolean(lower)},
                         {"unit_diagonal", Attribute::boolean(unit)},
                         {"transpose_a", Attribute::enumeration("stablehlo.transpose",
                                                                transpose ? "TRANSPOSE" : "NO_TRANSPOSE")}}));
}

}  // namespace

// op(a) y = b or y op(a) = b, op(a) being a or its transpose: b's cotangent solves the transposed system, a's
// is the outer product of that and the solution, on the triangle that the op reads.
void vjp_triangular_solve(VjpView& v) {
  Flow f(v);
  bool left = flag(f.op(), "left_side"), lower = flag(f.op(), "lower"), unit = flag(f.op(), "unit_diagonal");
  bool turned = word(f.op(), "transpose_a", "NO_TRANSPOSE") != "NO_TRANSPOSE";
  if (turned && is_complex(f.x(0).type().dtype) && word(f.op(), "transpose_a") == "ADJOINT") {
    f.refuse("a transpose without conjugation", "an adjoint of complex numbers");
  }
  Expr back = solve(f.x(0), f.ct(), left, lower, unit, !turned);
  f.give(1, back);
  if (!f.wants(0)) return;
  Expr outer = left ? matmul(back, transposed(f.y())) : matmul(transposed(f.y()), back);
  Expr into = -(turned ? transposed(outer) : outer);
  f.give(0, triangle(into, lower ? (unit ? "GT" : "GE") : (unit ? "LT" : "LE")));
}

// Of the one triangle that the op reads. With M = L^-T P(L^T ct) L^-1, P taking the lower triangle and half
// the diagonal, the whole symmetric matrix's cotangent is (M + M^T) / 2; what would flow to the other
// triangle joins in.
void vjp_cholesky(VjpView& v) {
  Flow f(v);
  if (is_complex(f.x().type().dtype)) f.refuse("real numbers", "complex ones");
  bool lower = flag(f.op(), "lower");
  Expr l = triangle(lower ? f.y() : transposed(f.y()), "GE");
  Expr ct = triangle(lower ? f.ct() : transposed(f.ct()), "GE");
  auto halved = [](Expr x) { return (triangle(x, "GE") + triangle(x, "GT")) * 0.5; };
  Expr middle = halved(matmul(transposed(l), ct));
  Expr half_way = solve(l, middle, true, true, false, true);
  Expr m = solve(l, half_way, false, true, false, false);
  Expr whole = halved(m + transposed(m));
  f.give(0, lower ? whole : transposed(whole));
}

// A transform is a symmetric matrix, so it is its own transpose. Those from or to real numbers are a complex
// one with half of it left out: what was left out gets zeros, or what stood for it counts twice.
void vjp_fft(VjpView& v) {
  Flow f(v);
  GraphBuilder& b = f.b();
  std::string type = word(f.op(), "fft_type");
  Ints lengths = integers(f.op(), "fft_length");
  auto transform = [&](Expr x, const char* kind, Type result) {
    return x.of(b.value(OpKind::kFft, {x},
                        {{"fft_type", Attribute::enumeration("stablehlo.fft_type", kind)},
                         {"fft_length", Attribute::dense_array(lengths)}},
                        {std::move(result)}));
  };
  Type in = f.x().type();
  int64_t last = in.rank() - 1;
  if (type == "FFT" || type == "IFFT") return f.give(0, transform(f.ct(), type.c_str(), in));
  if (type == "RFFT") {
    Type full = f.ct().type();
    Ints none(in.shape.size(), 0), high = none;
    high[last] = in.shape[last] - full.shape[last];
    full.shape = in.shape;
    ValueId padded = b.value(OpKind::kPad, {f.ct(), b.constant(0, full.dtype)},
                             {{"edge_padding_low", Attribute::dense_array(none)},
                              {"edge_padding_high", Attribute::dense_array(high)},
                              {"interior_padding", Attribute::dense_array(none)}});
    return f.give(0, transform(f.ct().of(padded), "FFT", full).unary(OpKind::kReal));
  }
  int64_t n = f.ct().type().shape[last];
  double points = 1;
  for (int64_t k : lengths) points *= static_cast<double>(k);
  Type where = Type::tensor(DType::kI32, in.shape);
  Expr at = f.x().of(b.iota(where, last));
  Expr alone = compare(at, at.like(0), "EQ")
                   .binary(OpKind::kOr, compare(at * 2, at.like(static_cast<double>(n)), "EQ"));
  Expr spectrum = transform(f.ct(), "RFFT", in);
  Expr scaled = spectrum * select(alone, spectrum.like(1 / points), spectrum.like(2 / points));
  f.give(0, scaled.unary(OpKind::kReal).binary(OpKind::kComplex, -scaled.unary(OpKind::kImag)));
}

}  // namespace cordata::ir::ops
