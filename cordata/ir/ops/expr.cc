// SPDX-License-Identifier: Apache-2.0
#include "cordata/ir/ops/expr.h"

#include <cmath>
#include <optional>

#include "cordata/ir/ops/view.h"

namespace cordata::ir::ops {

Expr sum(Expr x, const std::vector<int64_t>& dims) {
  return dims.empty() ? x : x.of(x.b.reduce(OpKind::kAdd, x, 0, dims));
}

Expr sum_all(Expr x) { return sum(x, other_dims(x.type().rank(), {})); }

Expr filled(Expr x, const Shape& shape) {
  return x.type().shape == shape ? x : x.of(x.b.broadcast_in_dim(x, shape, {}));
}

namespace {

// The one value of a float constant.
std::optional<double> splat_value(Expr x) {
  NodeId def = x.b.graph().value(x).def;
  if (!def.valid() || x.b.node(def).kind != OpKind::kConstant || !is_float(x.type().dtype))
    return std::nullopt;
  const DenseElements& dense = Graph::find_attr(x.b.node(def), "value")->dense();
  if (!dense.splat && dense.type.num_elements() != 1) return std::nullopt;
  return element(dense, 0);
}

}  // namespace

bool is_constant(Expr x, double v) { return splat_value(x) == v; }

bool is_neutral_extreme(Expr x, bool largest) {
  std::optional<double> v = splat_value(x);
  return v && std::isinf(*v) && (*v < 0) == largest;
}

}  // namespace cordata::ir::ops
