// SPDX-License-Identifier: Apache-2.0
// Rules of ops that move elements, and of those that make data out of nothing.
#include <algorithm>
#include <numeric>

#include "cordata/ir/ops/rules.h"

namespace cordata::ir::ops {

// Puts one factor on a dim of operand and result that both have whole.
static void same_dim(RuleWriter& w, const OpView& v, int64_t from, int64_t to) {
  int f = w.factor(v.results[0].shape[to]);
  w.operand(0, from, f).result(0, to, f);
}

// New dims come first: ([j])->([i j]).
FactorRule broadcast_rule(const OpView& v) {
  RuleWriter w(v);
  int64_t extra = v.results[0].rank() - v.operands[0].rank();
  for (int64_t d = 0; d < extra; ++d) w.result(0, d, w.factor(v.results[0].shape[d]));
  for (int64_t d = 0; d < v.operands[0].rank(); ++d) same_dim(w, v, d, d + extra);
  return w.linear(1).done();
}

// ([i 1])->([k i j]): result dims that no operand dim (or one of size 1) fills are factors of the result
// alone.
FactorRule broadcast_in_dim_rule(const OpView& v) {
  RuleWriter w(v);
  Ints dims = integers(v, "broadcast_dimensions");
  const Shape &in = v.operands[0].shape, &out = v.results[0].shape;
  for (int64_t d = 0; d < v.results[0].rank(); ++d) {
    int f = w.factor(out[d]);
    w.result(0, d, f);
    for (size_t i = 0; i < dims.size(); ++i) {
      if (dims[i] == d && in[i] == out[d]) w.operand(0, static_cast<int64_t>(i), f);
    }
  }
  return w.linear(1).done();
}

// All dims but the one that grows.
FactorRule concatenate_rule(const OpView& v) {
  RuleWriter w(v);
  int64_t dim = integer(v, "dimension");
  for (int64_t d = 0; d < v.results[0].rank(); ++d) {
    if (d == dim) continue;
    int f = w.factor(v.results[0].shape[d]);
    for (size_t i = 0; i < v.operands.size(); ++i) w.operand(i, d, f);
    w.result(0, d, f);
  }
  return v.operands.size() < 32 ? w.linear((1u << v.operands.size()) - 1).done() : w.done();
}

// Dims without padding. Summands may be padded with zero, which stays zero in the sum.
FactorRule pad_rule(const OpView& v) {
  RuleWriter w(v);
  Ints low = integers(v, "edge_padding_low"), high = integers(v, "edge_padding_high"),
       inner = integers(v, "interior_padding");
  for (size_t d = 0; d < low.size(); ++d) {
    if (low[d] == 0 && high[d] == 0 && inner[d] == 0) same_dim(w, v, d, d);
  }
  if (is_splat(v, 1, 0)) w.linear(1);
  return w.done();
}

// ([ij])->([i j]) and back: walks both shapes from the major end, splitting whichever dim is longer while
// sizes divide. Where they don't (6x4 to 8x3), the common divisor of the two is a factor of both and the rest
// of the group stays whole.
FactorRule reshape_rule(const OpView& v) {
  RuleWriter w(v);
  const Shape &in = v.operands[0].shape, &out = v.results[0].shape;
  size_t i = 0, o = 0;
  int64_t left_in = 0, left_out = 0;  // what is left of the dims at i and o
  w.linear(1);
  if (v.operands[0].num_elements() == 0) return w.done();
  while (true) {
    while (left_in <= 1 && i < in.size() && in[i] == 1) ++i;
    while (left_out <= 1 && o < out.size() && out[o] == 1) ++o;
    if (left_in <= 1 && i == in.size()) break;
    if (left_in <= 1) left_in = in[i];
    if (left_out <= 1) left_out = out[o];
    int64_t common = std::gcd(left_in, left_out);
    bool divides = common == std::min(left_in, left_out);
    if (common > 1) {
      int f = w.factor(common);
      w.operand(0, i, f).result(0, o, f);
      left_in /= common, left_out /= common;
    }
    if (!divides) {  // the rest of this group: a private factor each, minor to what is shared
      int64_t product_in = left_in, product_out = left_out;
      if (common > 1) w.operand(0, i, w.factor(left_in)).result(0, o, w.factor(left_out));
      ++i, ++o;
      while (product_in != product_out) {
        if (product_in < product_out)
          product_in *= in[i++];
        else
          product_out *= out[o++];
      }
      left_in = left_out = 1;
      continue;
    }
    if (left_in == 1) ++i;
    if (left_out == 1) ++o;
  }
  return w.done();
}

FactorRule reverse_rule(const OpView& v) {
  RuleWriter w(v);
  Ints reversed = integers(v, "dimensions");
  for (int64_t d : other_dims(v.results[0].rank(), reversed)) same_dim(w, v, d, d);
  return w.linear(1).done();
}

// Dims that are taken whole.
FactorRule slice_rule(const OpView& v) {
  RuleWriter w(v);
  for (int64_t d = 0; d < v.results[0].rank(); ++d) {
    if (v.operands[0].shape[d] == v.results[0].shape[d]) same_dim(w, v, d, d);
  }
  return w.linear(1).done();
}

FactorRule transpose_rule(const OpView& v) {
  RuleWriter w(v);
  Ints permutation = integers(v, "permutation");
  for (size_t d = 0; d < permutation.size(); ++d) same_dim(w, v, permutation[d], d);
  return w.linear(1).done();
}

// Each device makes its block: a splat of the local size, or the block cut out of the whole constant.
FactorRule constant_rule(const OpView& v) {
  RuleWriter w(v);
  bool splat = v.kind == OpKind::kConstant && find(v, "value")->dense().splat;
  if (v.kind != OpKind::kConstant) return w.done();
  for (int64_t d = 0; d < v.results[0].rank(); ++d) {
    w.result(0, d, w.factor(v.results[0].shape[d], splat ? FactorKind::kPass : FactorKind::kSpecial));
  }
  return w.done();
}

// Along the dim that counts, each device starts at its offset.
FactorRule iota_rule(const OpView& v) {
  RuleWriter w(v);
  int64_t counted = integer(v, "iota_dimension");
  for (int64_t d = 0; d < v.results[0].rank(); ++d) {
    w.result(0, d, w.factor(v.results[0].shape[d], d == counted ? FactorKind::kSpecial : FactorKind::kPass));
  }
  return w.done();
}

}  // namespace cordata::ir::ops
