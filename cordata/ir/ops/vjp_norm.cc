// SPDX-License-Identifier: Apache-2.0
#include "cordata/ir/ops/vjp.h"

namespace cordata::ir::ops {
namespace {

// A batch norm's dims: what belongs to one feature is normalised together.
struct Features {
  Shape shape;
  int64_t dim;

  Expr spread(Expr per_feature) const {
    return per_feature.of(per_feature.b.broadcast_in_dim(per_feature, shape, {dim}));
  }
  Expr sum_each(Expr x) const { return sum(x, other_dims(static_cast<int64_t>(shape.size()), {&dim, 1})); }
  double count() const {
    double n = 1;
    for (int64_t s : shape) n *= static_cast<double>(s);
    return n / static_cast<double>(shape[dim]);
  }
};

Features features(const Flow& f) { return {f.x(0).type().shape, integer(f.op(), "feature_index")}; }

}  // namespace

void vjp_batch_norm_training(VjpView& v) {
  Flow f(v);
  GraphBuilder& b = f.b();
  Features s = features(f);
  Expr mean = f.y(1), variance = f.y(2);
  if (f.has_ct(0)) {
    NodeId grad = b.create(OpKind::kBatchNormGrad, {f.x(0), f.x(1), mean, variance, f.ct(0)}, f.op().attrs);
    for (int i = 0; i < 3; ++i) f.give(i, mean.of(b.node(grad).result(i)));
  }
  auto add = [&](Expr more) {
    f.give(0, v.operand_cotangents[0].valid() ? more.of(v.operand_cotangents[0]) + more : more);
  };
  if (f.has_ct(1)) add(s.spread(f.ct(1) * (1 / s.count())));
  if (f.has_ct(2)) add((f.x(0) - s.spread(mean)) * s.spread(f.ct(2) * (2 / s.count())));
}

// y = scale (x - mean) / sqrt(variance + epsilon) + offset
void vjp_batch_norm_inference(VjpView& v) {
  Flow f(v);
  Features s = features(f);
  Expr inverse = rsqrt(f.x(4) + find(f.op(), "epsilon")->real());
  Expr centred = f.x(0) - s.spread(f.x(3));
  Expr ct_sum = s.sum_each(f.ct()), ct_centred = s.sum_each(f.ct() * centred);
  f.give(0, f.ct() * s.spread(f.x(1) * inverse));
  f.give(1, ct_centred * inverse);
  f.give(2, ct_sum);
  f.give(3, -(ct_sum * (f.x(1) * inverse)));
  f.give(4, ct_centred * (-0.5 * (f.x(1) * (inverse * square(inverse)))));
}

}  // namespace cordata::ir::ops
