// SPDX-License-Identifier: Apache-2.0
#include "cordata/models/layers.h"

#include <cmath>
#include <limits>
#include <numbers>
#include <numeric>

namespace cordata::models {
namespace {

using ir::DType;
using ir::GraphBuilder;
using ir::OpKind;
using ir::Shape;
using ir::Type;
using ir::ValueId;

constexpr int64_t kOneHotVocabulary = 2048;  // up to here one-hot products are as fast as gathers or faster

std::vector<int64_t> first_dims(int64_t n) {
  std::vector<int64_t> dims(static_cast<size_t>(n));
  std::iota(dims.begin(), dims.end(), 0);
  return dims;
}

// x without its last dim, repeated along it: [...] -> [..., n].
ValueId repeat_last(GraphBuilder& b, ValueId x, int64_t n) {
  Shape shape = b.type(x).shape;
  auto dims = first_dims(b.type(x).rank());
  shape.push_back(n);
  return b.broadcast_in_dim(x, shape, dims);
}

ValueId sum_last(GraphBuilder& b, ValueId x) { return b.reduce(OpKind::kAdd, x, 0, {b.type(x).rank() - 1}); }

// x minus its maximum over the last dim, rounded up: exp can't overflow, and the shift needs no gradient (any
// shift gives the same softmax), which rounding, having derivative zero, says by itself.
ValueId shift_by_max(GraphBuilder& b, ValueId x) {
  int64_t last = b.type(x).rank() - 1;
  ValueId top = b.reduce(OpKind::kMaximum, x, -std::numeric_limits<double>::infinity(), {last});
  return b.sub(x, repeat_last(b, b.unary(OpKind::kCeil, top), b.type(x).shape[last]));
}

ValueId gather_rows(GraphBuilder& b, ValueId table, ValueId ids) {
  int64_t rank = b.type(ids).rank(), hidden = b.type(table).shape[1];
  Shape shape = b.type(ids).shape;
  shape.push_back(hidden);
  ir::Attribute dims =
      ir::Attribute::structure("stablehlo.gather", {{"offset_dims", ir::Attribute::dense_array({rank})},
                                                    {"collapsed_slice_dims", ir::Attribute::dense_array({0})},
                                                    {"start_index_map", ir::Attribute::dense_array({0})},
                                                    {"index_vector_dim", ir::Attribute::of(rank)}});
  return b.value(OpKind::kGather, {table, ids},
                 {{"dimension_numbers", std::move(dims)},
                  {"slice_sizes", ir::Attribute::dense_array({1, hidden})},
                  {"indices_are_sorted", ir::Attribute::boolean(false)}},
                 {Type::tensor(b.type(table).dtype, std::move(shape))});
}

}  // namespace

ValueId add_bias(GraphBuilder& b, ValueId x, ValueId bias) {
  int64_t rank = b.type(x).rank(), own = b.type(bias).rank();
  std::vector<int64_t> dims(static_cast<size_t>(own));
  std::iota(dims.begin(), dims.end(), rank - own);
  return b.add(x, b.broadcast_in_dim(bias, b.type(x).shape, dims));
}

ValueId layer_norm(GraphBuilder& b, ValueId x, ValueId gain, ValueId bias) {
  Shape shape = b.type(x).shape;
  int64_t n = shape.back(), last = static_cast<int64_t>(shape.size()) - 1;
  ValueId centred = b.sub(x, repeat_last(b, b.scale(sum_last(b, x), 1.0 / n), n));
  ValueId variance = b.scale(sum_last(b, b.mul(centred, centred)), 1.0 / n);
  ValueId eps = b.constant(1e-5, b.type(x).dtype, b.type(variance).shape);
  ValueId scale = b.unary(OpKind::kRsqrt, b.add(variance, eps));
  ValueId normal = b.mul(centred, repeat_last(b, scale, n));
  return add_bias(b, b.mul(normal, b.broadcast_in_dim(gain, shape, {last})), bias);
}

ValueId gelu(GraphBuilder& b, ValueId x) {
  // (1 + tanh(u)) / 2 = logistic(2 u), u = sqrt(2 / pi) (x + 0.044715 x^3)
  double k = 2 * std::sqrt(2 / std::numbers::pi);
  Type t = b.type(x);
  ValueId poly = b.add(b.scale(b.mul(x, x), k * 0.044715), b.constant(k, t.dtype, t.shape));
  return b.mul(x, b.unary(OpKind::kLogistic, b.mul(x, poly)));
}

ValueId softmax(GraphBuilder& b, ValueId x) {
  ValueId e = b.unary(OpKind::kExponential, shift_by_max(b, x));
  return b.div(e, repeat_last(b, sum_last(b, e), b.type(x).shape.back()));
}

ValueId one_hot(GraphBuilder& b, ValueId ids, int64_t vocabulary, DType dtype) {
  ValueId wanted = repeat_last(b, ids, vocabulary);
  ValueId every = b.iota(b.type(wanted), b.type(ids).rank());
  return b.convert(b.compare(wanted, every, "EQ"), dtype);
}

ValueId embed(GraphBuilder& b, ValueId table, ValueId ids, bool one_hot) {
  int64_t vocabulary = b.type(table).shape[0];
  if (vocabulary > kOneHotVocabulary && !one_hot) return gather_rows(b, table, ids);
  DType dtype = b.type(table).dtype;
  return b.dot_general(models::one_hot(b, ids, vocabulary, dtype), table, {}, {}, {b.type(ids).rank()}, {0},
                       dtype);
}

ValueId cross_entropy(GraphBuilder& b, ValueId logits, ValueId targets) {
  ValueId shifted = shift_by_max(b, logits);
  ValueId total = b.unary(OpKind::kLog, sum_last(b, b.unary(OpKind::kExponential, shifted)));
  ValueId wanted = one_hot(b, targets, b.type(logits).shape.back(), b.type(logits).dtype);
  return mean(b, b.sub(total, sum_last(b, b.mul(shifted, wanted))));
}

ValueId mean(GraphBuilder& b, ValueId x) {
  double n = static_cast<double>(b.type(x).num_elements());
  return b.scale(b.reduce(OpKind::kAdd, x, 0, first_dims(b.type(x).rank())), 1.0 / n);
}

}  // namespace cordata::models
