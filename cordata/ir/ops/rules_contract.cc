// SPDX-License-Identifier: Apache-2.0
// Rules of ops that sum over some of their dims, or treat their last dims as matrices.
#include <cmath>
#include <limits>

#include "cordata/ir/ops/convolution.h"
#include "cordata/ir/ops/dot.h"
#include "cordata/ir/ops/rules.h"

namespace cordata::ir::ops {

// ([b i k], [b k j])->([b i j]), k summed; linear in each side.
FactorRule dot_general_rule(const OpView& v) {
  RuleWriter w(v);
  DotDims d = dot_dims(v);
  int64_t out = 0;
  for (size_t i = 0; i < d.lhs_batch.size(); ++i) {
    int f = w.factor(v.results[0].shape[out]);
    w.operand(0, d.lhs_batch[i], f).operand(1, d.rhs_batch[i], f).result(0, out++, f);
  }
  for (size_t side : {0, 1}) {
    for (int64_t dim : side == 0 ? d.lhs_free : d.rhs_free) {
      int f = w.factor(v.results[0].shape[out]);
      w.operand(side, dim, f).result(0, out++, f);
    }
  }
  for (size_t i = 0; i < d.lhs_contract.size(); ++i) {
    int f = w.factor(v.operands[0].shape[d.lhs_contract[i]], FactorKind::kReduce);
    w.operand(0, d.lhs_contract[i], f).operand(1, d.rhs_contract[i], f);
  }
  return w.linear(0b01).linear(0b10).done();
}

// The same for vectors and matrices: ([i k], [k j])->([i j]).
FactorRule dot_rule(const OpView& v) {
  RuleWriter w(v);
  int64_t last = v.operands[0].rank() - 1, out = 0;
  if (last == 1) {
    int f = w.factor(v.operands[0].shape[0]);
    w.operand(0, 0, f).result(0, out++, f);
  }
  if (v.operands[1].rank() == 2) {
    int f = w.factor(v.operands[1].shape[1]);
    w.operand(1, 1, f).result(0, out++, f);
  }
  int k = w.factor(v.operands[0].shape[last], FactorKind::kReduce);
  w.operand(0, last, k).operand(1, 0, k);
  return w.linear(0b01).linear(0b10).done();
}

// ([b i x], [i o x])->([b o x]): batch and output features pass, input features are summed. Feature and batch
// groups keep what they group whole, and so do spatial dims, whose shards would need their neighbours' edges.
FactorRule convolution_rule(const OpView& v) {
  RuleWriter w(v);
  ConvDims d = conv_dims(v);
  bool features = integer(v, "feature_group_count", 1) == 1,
       batches = integer(v, "batch_group_count", 1) == 1;
  if (batches) {
    int f = w.factor(v.operands[0].shape[d.input_batch]);
    w.operand(0, d.input_batch, f).result(0, d.output_batch, f);
  }
  if (features && batches) {
    int o = w.factor(v.operands[1].shape[d.kernel_output_feature]);
    w.operand(1, d.kernel_output_feature, o).result(0, d.output_feature, o);
    int i = w.factor(v.operands[0].shape[d.input_feature], FactorKind::kReduce);
    w.operand(0, d.input_feature, i).operand(1, d.kernel_input_feature, i);
  }
  return w.linear(0b01).linear(0b10).done();
}

namespace {

// The value that an op of two elements of a type leaves the other one as it is with.
double identity(ReduceKind kind, DType t) {
  if (kind == ReduceKind::kAdd || kind == ReduceKind::kOr) return 0;
  if (kind == ReduceKind::kMul) return 1;
  if (kind == ReduceKind::kAnd) return t == DType::kI1 ? 1 : is_unsigned(t) ? std::ldexp(1, bits(t)) - 1 : -1;
  double low = -std::numeric_limits<double>::infinity(), high = -low;
  if (t == DType::kI1)
    low = 0, high = 1;
  else if (is_unsigned(t))
    low = 0, high = std::ldexp(1, bits(t)) - 1;
  else if (is_integer(t))
    low = -std::ldexp(1, bits(t) - 1), high = -low - 1;
  return kind == ReduceKind::kMax ? low : high;
}

}  // namespace

// ([i k], [])->([i]): a reduced dim is a factor when the region is one op that joins across devices and the
// initial value is known to be its identity. Another one isn't defined by StableHLO: compilers take it for
// the identity where a dim has one element only.
FactorRule reduce_rule(const OpView& v) {
  RuleWriter w(v);
  size_t n = v.operands.size() / 2;
  Ints dims = integers(v, "dimensions");
  int64_t out = 0;
  for (int64_t d : other_dims(v.operands[0].rank(), dims)) {
    int f = w.factor(v.operands[0].shape[d]);
    for (size_t i = 0; i < n; ++i) w.operand(i, d, f).result(i, out, f);
    ++out;
  }
  std::optional<OpKind> op = n == 1 && v.graph ? plain_binary_region(*v.graph, v.regions[0]) : std::nullopt;
  std::optional<ReduceKind> kind = op ? reduce_kind(*op) : std::nullopt;
  if (!kind || !is_splat(v, 1, identity(*kind, v.results[0].dtype))) return w.done();
  for (int64_t d : dims) w.operand(0, d, w.factor(v.operands[0].shape[d], FactorKind::kReduce, *kind));
  if (*kind == ReduceKind::kAdd) w.linear(1);
  return w.done();
}

// Dims over which the window doesn't reach, in whatever has them; for reduce_window and select_and_scatter.
FactorRule reduce_window_rule(const OpView& v) {
  RuleWriter w(v);
  Window win = reduce_window_of(v);
  for (size_t d = 0; d < win.size.size(); ++d) {
    if (win.size[d] != 1 || win.strides[d] != 1 || win.base_dilation[d] != 1 || win.low[d] != 0 ||
        win.high[d] != 0)
      continue;
    int f = w.factor(v.operands[0].shape[d]);
    for (size_t i = 0; i < v.operands.size(); ++i) {
      if (v.operands[i].rank() > 0) w.operand(i, d, f);
    }
    for (size_t i = 0; i < v.results.size(); ++i) w.result(i, d, f);
  }
  return w.done();
}

// cholesky ([b 1 1])->([b 1 1]): batch dims. triangular_solve ([b 1 1], [b 1 m])->([b 1 m]): the right-hand
// sides too.
FactorRule matrices_rule(const OpView& v) {
  RuleWriter w(v);
  int64_t rank = v.results[0].rank();
  for (int64_t d = 0; d + 2 < rank; ++d) {
    int f = w.factor(v.results[0].shape[d]);
    for (size_t i = 0; i < v.operands.size(); ++i) w.operand(i, d, f);
    w.result(0, d, f);
  }
  if (v.kind == OpKind::kTriangularSolve) {
    int64_t m = rank - (flag(v, "left_side") ? 1 : 2);
    int f = w.factor(v.results[0].shape[m]);
    w.operand(1, m, f).result(0, m, f);
  }
  return w.done();
}

// All dims but the transformed, which are the last ones.
FactorRule fft_rule(const OpView& v) {
  RuleWriter w(v);
  int64_t batch = v.results[0].rank() - static_cast<int64_t>(integers(v, "fft_length").size());
  for (int64_t d = 0; d < batch; ++d) {
    int f = w.factor(v.results[0].shape[d]);
    w.operand(0, d, f).result(0, d, f);
  }
  return w.done();
}

// All dims but the sorted one.
FactorRule sort_rule(const OpView& v) {
  RuleWriter w(v);
  int64_t rank = v.operands[0].rank(), dim = integer(v, "dimension", -1);
  for (int64_t d = 0; d < rank; ++d) {
    if (d == (dim < 0 ? dim + rank : dim)) continue;
    int f = w.factor(v.operands[0].shape[d]);
    for (size_t i = 0; i < v.operands.size(); ++i) w.operand(i, d, f).result(i, d, f);
  }
  return w.done();
}

FactorRule top_k_rule(const OpView& v) {
  RuleWriter w(v);
  for (int64_t d = 0; d + 1 < v.operands[0].rank(); ++d) {
    int f = w.factor(v.operands[0].shape[d]);
    w.operand(0, d, f).result(0, d, f).result(1, d, f);
  }
  return w.done();
}

}  // namespace cordata::ir::ops
