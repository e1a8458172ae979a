// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "cordata/ir/ops/convolution.h"
#include "tests/property/draw.h"

namespace cordata::property {
namespace {

using Ints = std::vector<int64_t>;

Attribute dims(Ints v) { return Attribute::dense_array(std::move(v)); }
Shape arranged(const Shape& s, const Ints& order) {
  Shape out(s.size());
  for (size_t i = 0; i < s.size(); ++i) out[order[i]] = s[i];
  return out;
}

// Up to two dims of each role, in any order on either side.
Instance dot_general(Draw& d, OpKind k) {
  Shape batch = d.shape(0, 2), contract = d.shape(0, 2), x = d.shape(0, 2), y = d.shape(0, 1);
  auto joined = [&](const Shape& free) {
    Shape s = batch;
    s.insert(s.end(), contract.begin(), contract.end());
    s.insert(s.end(), free.begin(), free.end());
    return s;
  };
  Shape lhs = joined(x), rhs = joined(y);
  Ints at_lhs = d.permutation(static_cast<int64_t>(lhs.size())),
       at_rhs = d.permutation(static_cast<int64_t>(rhs.size()));
  auto part = [&](const Ints& at, size_t from, size_t n) {
    return dims({at.begin() + from, at.begin() + from + n});
  };
  size_t b = batch.size(), c = contract.size();
  Attribute numbers =
      Attribute::structure("stablehlo.dot", {{"lhs_batching_dimensions", part(at_lhs, 0, b)},
                                             {"rhs_batching_dimensions", part(at_rhs, 0, b)},
                                             {"lhs_contracting_dimensions", part(at_lhs, b, c)},
                                             {"rhs_contracting_dimensions", part(at_rhs, b, c)}});
  DType t = d.one_of<DType>({DType::kF32, DType::kF32, DType::kF64});
  ValueId l = d.arg(t, arranged(lhs, at_lhs)), r = d.arg(t, arranged(rhs, at_rhs));
  return d.done(k, {l, r}, {{"dot_dimension_numbers", numbers}});
}

Instance dot(Draw& d, OpKind k) {
  int64_t inner = d.dim();
  Shape x = d.shape(0, 1), y{inner};
  x.push_back(inner);
  if (d.chance(60)) y.push_back(d.dim());
  return d.done(k, {d.arg(DType::kF32, x), d.arg(DType::kF32, y)});
}

// One or two spatial dims, dims in any order; groups of features or of batches now and then.
Instance convolution(Draw& d, OpKind k) {
  int64_t spatial = d.pick(1, 2), rank = spatial + 2, groups = d.chance(20) ? 2 : 1,
          batches = groups == 1 && d.chance(20) ? 2 : 1;
  int64_t in = d.dim() * groups, out = d.dim() * groups * batches;
  Shape x{d.dim() * batches, in}, kernel{in / groups, out};
  ir::AttrDict attrs{{"feature_group_count", Attribute::of(groups)},
                     {"batch_group_count", Attribute::of(batches)}};
  Ints strides, pads;
  for (int64_t i = 0; i < spatial; ++i) {
    x.push_back(d.pick(3, 6)), kernel.push_back(d.pick(1, 3)), strides.push_back(d.pick(1, 2));
    pads.push_back(d.pick(0, 1)), pads.push_back(d.pick(0, 1));
  }
  Ints at_x = d.permutation(rank), at_kernel = d.permutation(rank), at_out = d.permutation(rank);
  auto rest = [](const Ints& at) { return Ints(at.begin() + 2, at.end()); };
  attrs["dimension_numbers"] =
      ir::ops::conv_attribute({at_x[0], at_x[1], at_kernel[0], at_kernel[1], at_out[0], at_out[1], rest(at_x),
                               rest(at_kernel), rest(at_out)});
  attrs["window_strides"] = dims(strides);
  attrs["padding"] = Attribute::elements(ir::dense_i64(pads, {spatial, 2}));
  ValueId l = d.arg(DType::kF32, arranged(x, at_x)), r = d.arg(DType::kF32, arranged(kernel, at_kernel));
  return d.done(k, {l, r}, attrs);
}

// One tensor and an op of the list, with its identity or another start; or two tensors at once.
Instance reduce(Draw& d, OpKind k) {
  Shape s = d.shape(1, 3);
  Ints over;
  for (size_t i = 0; i < s.size(); ++i) {
    if (d.chance(50)) over.push_back(static_cast<int64_t>(i));
  }
  ir::AttrDict attrs{{"dimensions", dims(over)}};
  if (d.chance(15)) {
    Type scalar = Type::tensor(DType::kF32);
    auto body = d.b.region({scalar, scalar, scalar, scalar}, [&](std::vector<ValueId> a) {
      return std::vector<ValueId>{d.b.add(a[0], a[2]), d.b.binary(OpKind::kMaximum, a[1], a[3])};
    });
    ValueId zero = d.b.constant(0, DType::kF32);
    return d.done(k, {d.arg(DType::kF32, s), d.arg(DType::kF32, s), zero, zero}, attrs, {}, {body});
  }
  OpKind op = d.one_of<OpKind>({OpKind::kAdd, OpKind::kAdd, OpKind::kMaximum, OpKind::kMinimum,
                                OpKind::kMultiply, OpKind::kAnd, OpKind::kOr});
  bool logical = op == OpKind::kAnd || op == OpKind::kOr;
  DType t = logical ? DType::kI1 : d.one_of<DType>({DType::kF32, DType::kF32, DType::kI32});
  double start = d.chance(85) ? identity_of(op, t) : 1;
  Range range = logical ? Range{0, 1} : op == OpKind::kMultiply ? Range{-1, 1} : Range{};
  ValueId x = d.arg(t, s, range), init = d.chance(90) ? d.b.constant(start, t) : d.arg(t, {}, range);
  return d.done(k, {x, init}, attrs, {}, {binary_region(d, op, t)});
}

Instance reduce_window(Draw& d, OpKind k) {
  Shape s = d.shape(1, 3);
  Ints size, strides, pads;
  for (int64_t& n : s) {
    bool windowed = d.chance(50);
    if (windowed) n = std::max<int64_t>(n, 3);
    size.push_back(windowed ? d.pick(1, 3) : 1);
    strides.push_back(windowed ? d.pick(1, 2) : 1);
    for (int side : {0, 1}) pads.push_back(windowed && side >= 0 ? d.pick(0, 1) : 0);
  }
  OpKind op = d.one_of<OpKind>({OpKind::kAdd, OpKind::kMaximum});
  ir::AttrDict attrs{
      {"window_dimensions", dims(size)},
      {"window_strides", dims(strides)},
      {"padding", Attribute::elements(ir::dense_i64(pads, {static_cast<int64_t>(s.size()), 2}))}};
  ValueId x = d.arg(DType::kF32, s), init = d.b.constant(identity_of(op, DType::kF32), DType::kF32);
  return d.done(k, {x, init}, attrs, {}, {binary_region(d, op, DType::kF32)});
}

// The gradient of a pooling: windows that don't overlap, or do.
Instance select_and_scatter(Draw& d, OpKind k) {
  Shape s = d.shape(1, 3), places;
  Ints size, strides;
  for (int64_t& n : s) {
    bool windowed = d.chance(50);
    if (windowed) n = std::max<int64_t>(n, 3);
    size.push_back(windowed ? d.pick(1, 3) : 1);
    strides.push_back(windowed ? d.pick(1, 2) : 1);
    places.push_back((n - size.back()) / strides.back() + 1);
  }
  ir::AttrDict attrs{{"window_dimensions", dims(size)}, {"window_strides", dims(strides)}};
  Type scalar = Type::tensor(DType::kF32);
  auto selects = d.b.region({scalar, scalar}, [&](std::vector<ValueId> a) {
    return std::vector<ValueId>{d.b.compare(a[0], a[1], "GE")};
  });
  ValueId x = d.arg(DType::kF32, s), source = d.arg(DType::kF32, places), zero = d.b.constant(0, DType::kF32);
  return d.done(k, {x, source, zero}, attrs, {}, {selects, binary_region(d, OpKind::kAdd, DType::kF32)});
}

}  // namespace

void add_contractions(Generators& t) {
  using enum OpKind;
  t[kConvolution] = convolution;
  t[kDot] = dot;
  t[kDotGeneral] = dot_general;
  t[kReduce] = reduce;
  t[kReduceWindow] = reduce_window;
  t[kSelectAndScatter] = select_and_scatter;
}

}  // namespace cordata::property
