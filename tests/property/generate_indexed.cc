// SPDX-License-Identifier: Apache-2.0
// Ops that read or write at computed places, that sort, or that work on matrices.
#include <algorithm>

#include "cordata/ir/ops/gather.h"
#include "tests/property/draw.h"

namespace cordata::property {
namespace {

using Ints = std::vector<int64_t>;
using ir::ops::GatherDims;

Attribute dims(Ints v) { return Attribute::dense_array(std::move(v)); }

std::vector<ValueId> starts(Draw& d, const Shape& s) {
  std::vector<ValueId> out;
  for (int64_t n : s)
    out.push_back(d.arg(DType::kI32, {}, {-1, static_cast<double>(n)}));  // out of bounds: clamped
  return out;
}

Shape part_of(Draw& d, const Shape& s) {
  Shape part = s;
  for (int64_t& n : part) {
    if (d.chance(50)) n = d.pick(1, n);
  }
  return part;
}

Instance dynamic_slice(Draw& d, OpKind k) {
  Shape s = d.shape(1, 3), part = part_of(d, s);
  std::vector<ValueId> operands{d.arg(DType::kF32, s)};
  for (ValueId v : starts(d, s)) operands.push_back(v);
  return d.done(k, operands, {{"slice_sizes", dims(part)}});
}

Instance dynamic_update_slice(Draw& d, OpKind k) {
  Shape s = d.shape(1, 3), part = part_of(d, s);
  std::vector<ValueId> operands{d.arg(DType::kF32, s), d.arg(DType::kF32, part)};
  for (ValueId v : starts(d, s)) operands.push_back(v);
  return d.done(k, operands);
}

// Table dims: a batching dim (maybe), the indexed dims, the window's. `slice` is what an index takes of the
// table.
struct Lookup {
  GatherDims dims;
  Shape table, slice, indices, result;
  double last_index = 0;
};

Lookup lookup(Draw& d) {
  Lookup l;
  Shape batch = d.shape(0, 2), window = d.shape(0, 2);
  bool batching = !batch.empty() && d.chance(25);
  int64_t indexed = d.chance(75) ? 1 : 2, rank = 0;
  if (batching) {
    l.dims.operand_batching_dims = {rank++}, l.dims.start_indices_batching_dims = {0};
    l.table.push_back(batch[0]), l.slice.push_back(1);
  }
  for (int64_t i = 0; i < indexed; ++i) {
    l.dims.start_index_map.push_back(rank), l.dims.collapsed_slice_dims.push_back(rank++);
    l.table.push_back(d.dim()), l.slice.push_back(1);
    l.last_index = std::max(l.last_index, static_cast<double>(l.table.back()));
  }
  for (int64_t n : window) {
    l.table.push_back(n), l.slice.push_back(d.chance(80) ? n : d.pick(1, n));
  }
  bool implicit = indexed == 1 && d.chance(50);
  l.indices = batch;
  l.dims.index_vector_dim = implicit ? static_cast<int64_t>(batch.size())
                                     : d.pick(batching ? 1 : 0, static_cast<int64_t>(batch.size()));
  if (!implicit) l.indices.insert(l.indices.begin() + l.dims.index_vector_dim, indexed);
  bool first = d.chance(50);  // the window's dims before those of the batch, or after
  Shape windows(l.slice.end() - static_cast<std::ptrdiff_t>(window.size()), l.slice.end());
  for (size_t i = 0; i < windows.size(); ++i)
    l.dims.offset_dims.push_back(static_cast<int64_t>(first ? i : batch.size() + i));
  l.result = first ? windows : batch;
  const Shape& rest = first ? batch : windows;
  l.result.insert(l.result.end(), rest.begin(), rest.end());
  return l;
}

DType index_type(Draw& d) { return d.one_of<DType>({DType::kI32, DType::kI32, DType::kI64, DType::kUI32}); }
Range indices_range(Draw& d, DType t, const Lookup& l) {
  return {t == DType::kUI32 ? 0.0 : -1.0, l.last_index + (d.chance(20) ? 2 : -1), true};
}

Instance gather(Draw& d, OpKind k) {
  Lookup l = lookup(d);
  DType t = index_type(d), e = d.one_of<DType>({DType::kF32, DType::kF32, DType::kI32});
  ValueId table = d.arg(e, l.table), indices = d.arg(t, l.indices, indices_range(d, t, l));
  return d.done(k, {table, indices},
                {{"dimension_numbers", ir::ops::gather_attribute(l.dims)},
                 {"slice_sizes", dims(l.slice)},
                 {"indices_are_sorted", Attribute::boolean(false)}});
}

// The order in which updates meet an element is open, so the region commutes.
Instance scatter(Draw& d, OpKind k) {
  Lookup l = lookup(d);
  DType t = index_type(d);
  OpKind op = d.chance(75) ? OpKind::kAdd : OpKind::kMaximum;
  ValueId input = d.chance(50) ? d.b.constant(0, DType::kF32, l.table) : d.arg(DType::kF32, l.table);
  ValueId indices = d.arg(t, l.indices, indices_range(d, t, l)), updates = d.arg(DType::kF32, l.result);
  ir::AttrDict attrs{{"scatter_dimension_numbers", ir::ops::scatter_attribute(l.dims)},
                     {"indices_are_sorted", Attribute::boolean(false)},
                     {"unique_indices", Attribute::boolean(false)}};
  return d.done(k, {input, indices, updates}, attrs, {}, {binary_region(d, op, DType::kF32)});
}

Instance sort(Draw& d, OpKind k) {
  Shape s = d.shape(1, 3);
  Type scalar = Type::tensor(DType::kF32);
  int64_t n = d.pick(1, 2);
  std::vector<ValueId> operands;
  std::vector<Type> types;
  for (int64_t i = 0; i < n; ++i) {
    operands.push_back(d.arg(DType::kF32, s));
    types.insert(types.end(), {scalar, scalar});
  }
  auto body = d.b.region(
      types, [&](std::vector<ValueId> a) { return std::vector<ValueId>{d.b.compare(a[0], a[1], "LT")}; });
  int64_t dim = d.pick(0, static_cast<int64_t>(s.size()) - 1);
  return d.done(k, operands, {{"dimension", Attribute::of(dim)}, {"is_stable", Attribute::boolean(true)}}, {},
                {body});
}

Instance top_k(Draw& d, OpKind k) {
  Shape s = d.shape(1, 3);
  ValueId x = d.arg(DType::kF32, s, {-9, 9, false});
  return d.done(k, {x}, {{"k", Attribute::of(d.pick(1, s.back()))}});
}

Shape matrices(Draw& d, int64_t rows, int64_t columns) {
  Shape s = d.shape(0, 2);
  s.insert(s.end(), {rows, columns});
  return s;
}

// x x^T + n is positive definite for any x; here any matrix does, as only its lower triangle is read and its
// diagonal counts.
Instance cholesky(Draw& d, OpKind k) {
  int64_t n = d.pick(1, 4);
  Shape s = matrices(d, n, n);
  ValueId x = d.arg(DType::kF32, s, {-0.2, 0.2, false}),
          row = d.b.iota(Type::tensor(DType::kI32, s), static_cast<int64_t>(s.size()) - 2);
  ValueId column = d.b.iota(Type::tensor(DType::kI32, s), static_cast<int64_t>(s.size()) - 1);
  ValueId a = d.b.select(d.b.compare(row, column, "EQ"), d.b.constant(4, DType::kF32, s), x);
  return d.done(k, {a}, {{"lower", Attribute::boolean(d.chance(50))}});
}

Instance triangular_solve(Draw& d, OpKind k) {
  int64_t n = d.pick(1, 4), m = d.dim();
  bool left = d.chance(50);
  Shape a = matrices(d, n, n), rhs(a.begin(), a.end() - 2);
  rhs.insert(rhs.end(), {left ? n : m, left ? m : n});
  return d.done(
      k, {d.arg(DType::kF32, a, {1, 3}), d.arg(DType::kF32, rhs)},
      {{"left_side", Attribute::boolean(left)},
       {"lower", Attribute::boolean(d.chance(50))},
       {"unit_diagonal", Attribute::boolean(d.chance(50))},
       {"transpose_a", Attribute::enumeration("stablehlo.transpose",
                                              d.one_of<std::string>({"TRANSPOSE", "NO_TRANSPOSE"}))}});
}

Instance fft(Draw& d, OpKind k) {
  Shape s = d.shape(1, 3), out = s;
  std::string kind = d.one_of<std::string>({"FFT", "IFFT", "RFFT"});
  Ints lengths(s.end() - d.pick(1, std::min<int64_t>(2, static_cast<int64_t>(s.size()))), s.end());
  bool real = kind == "RFFT";
  if (real) out.back() = s.back() / 2 + 1;
  return d.done(
      k, {d.arg(real ? DType::kF32 : DType::kC64, s)},
      {{"fft_type", Attribute::enumeration("stablehlo.fft_type", kind)}, {"fft_length", dims(lengths)}},
      {Type::tensor(DType::kC64, out)});
}

}  // namespace

void add_indexed(Generators& t) {
  using enum OpKind;
  t[kCholesky] = cholesky;
  t[kChloTopK] = top_k;
  t[kDynamicSlice] = dynamic_slice;
  t[kDynamicUpdateSlice] = dynamic_update_slice;
  t[kFft] = fft;
  t[kGather] = gather;
  t[kScatter] = scatter;
  t[kSort] = sort;
  t[kTriangularSolve] = triangular_solve;
}

}  // namespace cordata::property
