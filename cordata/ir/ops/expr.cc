// SPDX-License-Identifier: Apache-2.0
#include "cordata/ir/ops/expr.h"

#include <cmath>

#include "cordata/ir/ops/view.h"

namespace cordata::ir::ops {

Expr sum(Expr x, const std::vector<int64_t>& dims) {
  return dims.empty() ? x : x.of(x.b.reduce(OpKind::kAdd, x, 0, dims));
}

Expr sum_all(Expr x) { return sum(x, other_dims(x.type().rank(), {})); }

Expr filled(Expr x, const Shape& shape) {
  return x.type().shape == shape ? x : x.of(x.b.broadcast_in_dim(x, shape, {}));
}

bool is_neutral_extreme(Expr x, bool largest) {
  NodeId def = x.b.graph().value(x).def;
  if (!def.valid() || x.b.node(def).kind != OpKind::kConstant || !is_float(x.type().dtype)) return false;
  double v = element(Graph::find_attr(x.b.node(def), "value")->dense, 0);
  return std::isinf(v) && (v < 0) == largest;
}

}  // namespace cordata::ir::ops
