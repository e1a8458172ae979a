// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "tests/property/draw.h"

namespace cordata::property {
namespace {

using Ints = std::vector<int64_t>;

DType element(Draw& d) { return d.one_of<DType>({DType::kF32, DType::kF32, DType::kI32, DType::kF64}); }
Attribute dims(Ints v) { return Attribute::dense_array(std::move(v)); }

Instance broadcast(Draw& d, OpKind k) {
  Shape extra = d.shape(0, 2), s = d.shape(0, 2);
  return d.done(k, {d.arg(element(d), s)}, {{"broadcast_sizes", dims(extra)}});
}

Instance broadcast_in_dim(Draw& d, OpKind k) {
  Shape out = d.shape(0, 3), in;
  Ints to;
  for (size_t i = 0; i < out.size(); ++i) {
    if (d.chance(40)) continue;
    to.push_back(static_cast<int64_t>(i));
    in.push_back(d.chance(25) ? 1 : out[i]);
  }
  DType t = element(d);
  return d.done(k, {d.arg(t, in)}, {{"broadcast_dimensions", dims(to)}}, {Type::tensor(t, out)});
}

Instance concatenate(Draw& d, OpKind k) {
  Shape s = d.shape(1, 3);
  int64_t dim = d.pick(0, static_cast<int64_t>(s.size()) - 1);
  DType t = element(d);
  std::vector<ValueId> parts;
  for (int64_t i = d.pick(1, 3); i > 0; --i) {
    s[dim] = d.dim();
    parts.push_back(d.arg(t, s));
  }
  return d.done(k, parts, {{"dimension", Attribute::of(dim)}});
}

Instance pad(Draw& d, OpKind k) {
  Shape s = d.shape(1, 3);
  Ints low, high, inner;
  for (int64_t n : s) {
    bool padded = d.chance(40);
    low.push_back(padded ? d.pick(n > 1 ? -1 : 0, 2) : 0);
    high.push_back(padded ? d.pick(0, 2) : 0);
    inner.push_back(padded ? d.pick(0, 1) : 0);
  }
  DType t = element(d);
  ValueId x = d.arg(t, s), with = d.chance(60) ? d.b.constant(d.chance(70) ? 0 : 2, t) : d.arg(t, {});
  return d.done(k, {x, with},
                {{"edge_padding_low", dims(low)},
                 {"edge_padding_high", dims(high)},
                 {"interior_padding", dims(inner)}});
}

// Dims multiplied together or cut apart at random; now and then two that share no more than a divisor.
Instance reshape(Draw& d, OpKind k) {
  DType t = element(d);
  if (d.chance(20)) {
    int64_t a = d.dim();
    Shape from = d.one_of<Shape>({{2 * a, 6}, {6 * a, 4}, {a, 6, 4}, {4, 6 * a}}), to;
    int64_t n = Type::tensor(t, from).num_elements();
    to = d.one_of<Shape>({{n / 3, 3}, {n / 4, 4}, {n}, {n / 12, 1, 3, 4}, {3, n / 3}, {n / 2, 2}});
    if (Type::tensor(t, to).num_elements() == n)
      return d.done(k, {d.arg(t, from)}, {}, {Type::tensor(t, to)});
  }
  Shape fine = d.shape(1, 4), from, to;
  for (Shape* s : {&from, &to}) {
    for (size_t i = 0; i < fine.size(); ++i) {
      if (i > 0 && d.chance(50))
        s->back() *= fine[i];
      else
        s->push_back(fine[i]);
      if (d.chance(15)) s->push_back(1);
    }
  }
  return d.done(k, {d.arg(t, from)}, {}, {Type::tensor(t, to)});
}

Instance reverse(Draw& d, OpKind k) {
  Shape s = d.shape(1, 3);
  Ints reversed;
  for (size_t i = 0; i < s.size(); ++i) {
    if (d.chance(50)) reversed.push_back(static_cast<int64_t>(i));
  }
  return d.done(k, {d.arg(element(d), s)}, {{"dimensions", dims(reversed)}});
}

Instance slice(Draw& d, OpKind k) {
  Shape s = d.shape(1, 3);
  Ints start, limit, strides;
  for (int64_t n : s) {
    bool cut = d.chance(50);
    start.push_back(cut ? d.pick(0, n - 1) : 0);
    limit.push_back(cut ? d.pick(start.back() + 1, n) : n);
    strides.push_back(cut ? d.pick(1, 2) : 1);
  }
  return d.done(k, {d.arg(element(d), s)},
                {{"start_indices", dims(start)}, {"limit_indices", dims(limit)}, {"strides", dims(strides)}});
}

Instance transpose(Draw& d, OpKind k) {
  Shape s = d.shape(1, 4);
  return d.done(k, {d.arg(element(d), s)},
                {{"permutation", dims(d.permutation(static_cast<int64_t>(s.size())))}});
}

Instance constant(Draw& d, OpKind k) {
  Shape s = d.shape(0, 3);
  if (d.chance(40))
    return d.done(
        k, {},
        {{"value", Attribute::elements(ir::splat(static_cast<double>(d.pick(-3, 3)), element(d), s))}});
  std::vector<int64_t> values(Type::tensor(DType::kI64, s).num_elements());
  for (int64_t& v : values) v = d.pick(-99, 99);
  return d.done(k, {}, {{"value", Attribute::elements(ir::dense_i64(values, s))}});
}

Instance iota(Draw& d, OpKind k) {
  Shape s = d.shape(1, 3);
  int64_t dim = d.pick(0, static_cast<int64_t>(s.size()) - 1);
  DType t = d.one_of<DType>({DType::kF32, DType::kI32, DType::kUI32, DType::kI64});
  return d.done(k, {}, {{"iota_dimension", Attribute::of(dim)}}, {Type::tensor(t, s)});
}

}  // namespace

void add_shapes(Generators& t) {
  using enum OpKind;
  t[kBroadcast] = broadcast;
  t[kBroadcastInDim] = broadcast_in_dim;
  t[kConcatenate] = concatenate;
  t[kConstant] = constant;
  t[kIota] = iota;
  t[kPad] = pad;
  t[kReshape] = reshape;
  t[kReverse] = reverse;
  t[kSlice] = slice;
  t[kTranspose] = transpose;
}

}  // namespace cordata::property
