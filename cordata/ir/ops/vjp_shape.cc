// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <numeric>

#include "cordata/ir/ops/vjp.h"

namespace cordata::ir::ops {

void vjp_broadcast(VjpView& v) {
  Flow f(v);
  Ints leading(integers(f.op(), "broadcast_sizes").size());
  std::iota(leading.begin(), leading.end(), 0);
  f.give(0, sum(f.ct(), leading));
}

// Sums over what was repeated, then brings what is left into the operand's order.
void vjp_broadcast_in_dim(VjpView& v) {
  Flow f(v);
  const Shape in = f.x().type().shape, out = f.ct().type().shape;
  Ints dims = integers(f.op(), "broadcast_dimensions"), kept, repeated;  // dims of the result
  for (size_t d = 0; d < out.size(); ++d) {
    auto at = std::ranges::find(dims, static_cast<int64_t>(d));
    bool same = at != dims.end() && in[at - dims.begin()] == out[d];
    (same ? kept : repeated).push_back(static_cast<int64_t>(d));
  }
  Expr ct = sum(f.ct(), repeated);
  Ints order;  // position in `kept` of each dim of the operand that was kept
  for (int64_t d : dims) {
    auto at = std::ranges::find(kept, d);
    if (at != kept.end()) order.push_back(at - kept.begin());
  }
  if (!std::ranges::is_sorted(order)) ct.id = ct.b.transpose(ct, order);
  f.give(0, ct.of(ct.b.reshape(ct, in)));
}

void vjp_reshape(VjpView& v) {
  Flow f(v);
  f.give(0, f.ct().of(f.b().reshape(f.ct(), f.x().type().shape)));
}

void vjp_reverse(VjpView& v) {
  Flow f(v);
  f.give(0, f.ct().of(f.b().value(OpKind::kReverse, {f.ct()}, v.node.attrs)));
}

void vjp_transpose(VjpView& v) {
  Flow f(v);
  Ints permutation = integers(f.op(), "permutation"), inverse(permutation.size());
  for (size_t i = 0; i < permutation.size(); ++i) inverse[permutation[i]] = static_cast<int64_t>(i);
  f.give(0, f.ct().of(f.b().transpose(f.ct(), inverse)));
}

namespace {

Expr pad_with_zeros(Expr x, const Ints& low, const Ints& high, const Ints& interior) {
  ValueId zero = x.b.constant(0, x.type().dtype);
  return x.of(x.b.value(OpKind::kPad, {x, zero},
                        {{"edge_padding_low", Attribute::dense_array(low)},
                         {"edge_padding_high", Attribute::dense_array(high)},
                         {"interior_padding", Attribute::dense_array(interior)}}));
}

}  // namespace

void vjp_slice(VjpView& v) {
  Flow f(v);
  const Shape in = f.x().type().shape, out = f.ct().type().shape;
  Ints low = integers(f.op(), "start_indices"), interior = integers(f.op(), "strides"), high(in.size());
  for (size_t d = 0; d < in.size(); ++d) {
    high[d] = in[d] - low[d] - (out[d] > 0 ? (out[d] - 1) * interior[d] + 1 : 0);
    --interior[d];
  }
  f.give(0, pad_with_zeros(f.ct(), low, high, interior));
}

// Edges cut off (or, where they were cut, zeros put back), then every (interior + 1)th element.
void vjp_pad(VjpView& v) {
  Flow f(v);
  const Shape in = f.x().type().shape;
  Ints low = integers(f.op(), "edge_padding_low"), high = integers(f.op(), "edge_padding_high");
  Ints interior = integers(f.op(), "interior_padding"), none(in.size(), 0);
  for (size_t d = 0; d < in.size(); ++d) {
    low[d] = -low[d];
    high[d] = -high[d];
    ++interior[d];
  }
  Expr inner = pad_with_zeros(f.ct(), low, high, none);
  const Shape limit = inner.type().shape;
  inner.id = f.b().slice(inner, none, limit, interior);
  f.give(0, inner);
  if (f.wants(1)) f.give(1, sum_all(f.ct()) - sum_all(inner));
}

void vjp_concatenate(VjpView& v) {
  Flow f(v);
  int64_t dim = integer(f.op(), "dimension"), at = 0;
  Ints start(f.ct().type().shape.size(), 0), limit = f.ct().type().shape;
  for (size_t i = 0; i < v.operands.size(); ++i) {
    start[dim] = at;
    at += f.x(static_cast<int>(i)).type().shape[dim];
    limit[dim] = at;
    if (f.wants(static_cast<int>(i)))
      f.give(static_cast<int>(i), f.ct().of(f.b().slice(f.ct(), start, limit)));
  }
}

}  // namespace cordata::ir::ops
