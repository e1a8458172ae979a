// SPDX-License-Identifier: Apache-2.0
#include "cordata/ir/ops/gather.h"
#include "cordata/ir/ops/vjp.h"

namespace cordata::ir::ops {
namespace {

// The starts of a dynamic slice stay as they are: both ops move a slice that sticks out back inside.
std::vector<ValueId> with_starts(std::vector<ValueId> first, const VjpView& v) {
  first.insert(first.end(),
               v.operands.begin() +
                   static_cast<long>(v.operands.size() - v.graph.type(v.node.operands[0]).shape.size()),
               v.operands.end());
  return first;
}

}  // namespace

void vjp_dynamic_slice(VjpView& v) {
  Flow f(v);
  f.give(0, f.ct().of(f.b().value(OpKind::kDynamicUpdateSlice, with_starts({f.x().like(0), f.ct()}, v))));
}

void vjp_dynamic_update_slice(VjpView& v) {
  Flow f(v);
  if (f.wants(0))
    f.give(0, f.ct().of(f.b().value(OpKind::kDynamicUpdateSlice, with_starts({f.ct(), f.x(1).like(0)}, v))));
  if (f.wants(1)) {
    f.give(1, f.ct().of(f.b().value(OpKind::kDynamicSlice, with_starts({f.ct()}, v),
                                    {{"slice_sizes", Attribute::dense_array(f.x(1).type().shape)}})));
  }
}

// The largest start of a window along each dim an index speaks of: [n] for index vectors of length n.
static DenseElements last_starts(const GatherDims& d, const Shape& operand, const Ints& window, DType dtype) {
  std::vector<std::byte> bytes;
  for (int64_t dim : d.start_index_map) {
    DenseElements one = splat(static_cast<double>(operand[dim] - window[dim]), dtype, {});
    bytes.insert(bytes.end(), one.data().begin(), one.data().end());
  }
  return {Type::tensor(dtype, {static_cast<int64_t>(d.start_index_map.size())}), false, Bytes(bytes)};
}

Expr last_start_of_windows(const GatherDims& d, const Shape& operand, const Ints& window, Expr indices) {
  GraphBuilder& b = indices.b;
  const Type t = indices.type();
  ValueId last = b.constant(last_starts(d, operand, window, t.dtype));
  if (d.index_vector_dim == t.rank()) return indices.of(b.broadcast_in_dim(b.reshape(last, {}), t.shape, {}));
  return indices.of(b.broadcast_in_dim(last, t.shape, {d.index_vector_dim}));
}

Expr scatter_add(Expr into, ValueId indices, ValueId updates, const GatherDims& d, bool sorted, bool unique) {
  GraphBuilder& b = into.b;
  Type scalar = Type::tensor(into.type().dtype);
  RegionId region =
      b.region({scalar, scalar}, [&](std::vector<ValueId> a) { return std::vector{b.add(a[0], a[1])}; });
  return into.of(b.value(OpKind::kScatter, {into, indices, updates},
                         {{"scatter_dimension_numbers", scatter_attribute(d)},
                          {"indices_are_sorted", Attribute::boolean(sorted)},
                          {"unique_indices", Attribute::boolean(unique)}},
                         {}, {region}));
}

// Gather moves an index that is out of bounds back inside, scatter leaves its update out: so the indices are
// moved first.
void vjp_gather(VjpView& v) {
  Flow f(v);
  GatherDims d = gather_dims(f.op());
  Expr indices = f.x(1);
  Expr last = last_start_of_windows(d, f.x(0).type().shape, integers(f.op(), "slice_sizes"), indices);
  Expr inside =
      indices.of(f.b().value(OpKind::kClamp, {f.b().constant(0, indices.type().dtype), indices, last}));
  f.give(0, scatter_add(f.x(0).like(0), inside, f.ct(), d, flag(f.op(), "indices_are_sorted"), false));
}

}  // namespace cordata::ir::ops
