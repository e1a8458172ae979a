// SPDX-License-Identifier: Apache-2.0
#include "cordata/ir/ops/vjp.h"

namespace cordata::ir::ops {

void vjp_pass(VjpView& v) {
  for (size_t i = 0; i < v.cotangents.size(); ++i) v.operand_cotangents[i] = v.cotangents[i];
}

// Integers and booleans have no derivative. A complex result of a real operand gives its real part back.
void vjp_convert(VjpView& v) {
  Flow f(v);
  DType to = f.x().type().dtype, from = f.ct().type().dtype;
  if (!is_float(to) && !is_complex(to)) return;
  Expr ct = is_complex(from) && is_float(to) ? f.ct().unary(OpKind::kReal) : f.ct();
  f.give(0, ct.of(f.b().convert(ct, to)));
}

void vjp_reduce_precision(VjpView& v) {
  Flow f(v);
  f.give(0, f.ct().of(f.b().value(OpKind::kReducePrecision, {f.ct()}, v.node.attrs)));
}

void vjp_complex(VjpView& v) {
  Flow f(v);
  f.give(0, f.ct().unary(OpKind::kReal));
  f.give(1, -f.ct().unary(OpKind::kImag));
}

void vjp_real(VjpView& v) {
  Flow f(v);
  f.give(0, is_complex(f.x().type().dtype) ? f.ct().binary(OpKind::kComplex, f.ct().like(0)) : f.ct());
}

void vjp_imag(VjpView& v) {
  Flow f(v);
  if (is_complex(f.x().type().dtype)) f.give(0, f.ct().like(0).binary(OpKind::kComplex, -f.ct()));
}

}  // namespace cordata::ir::ops
