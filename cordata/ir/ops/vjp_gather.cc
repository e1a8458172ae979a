// SPDX-License-Identifier: Apache-2.0
#include "cordata/ir/ops/gather.h"
#include "cordata/ir/ops/vjp.h"

namespace cordata::ir::ops {
namespace {

// The starts of a dynamic slice stay as they are: both ops move a slice that sticks out back inside.
std::vector<ValueId> with_starts(std::vector<ValueId> first, const VjpView& v) {
  first.insert(first.end(), v.operands.begin() + static_cast<long>(v.operands.size() - v.graph.type(v.node.operands[0]).shape.size()),
               v.operands.end());
  return first;
}

// The largest start of a window along each dim an index speaks of: [n] for index vectors of length n.
DenseElements last_starts(const GatherDims& d, const Shape& operand, const Ints& window, DType dtype) {
  auto bytes = std::make_shared<std::vector<std::byte>>();
  for (int64_t dim : d.start_index_map) {
    DenseElements one = splat(static_cast<double>(operand[dim] - window[dim]), dtype, {});
    bytes->insert(bytes->end(), one.data().begin(), one.data().end());
  }
  return {Type::tensor(dtype, {static_cast<int64_t>(d.start_index_map.size())}), false, std::move(bytes)};
}

// The same as a value of the indices' shape.
Expr bounds(const GatherDims& d, const Shape& operand, const Ints& window, Expr indices) {
  GraphBuilder& b = indices.b;
  const Type t = indices.type();
  ValueId last = b.constant(last_starts(d, operand, window, t.dtype));
  if (d.index_vector_dim == t.rank()) return indices.of(b.broadcast_in_dim(b.reshape(last, {}), t.shape, {}));
  return indices.of(b.broadcast_in_dim(last, t.shape, {d.index_vector_dim}));
}

ValueId scatter_add(Expr into, ValueId indices, ValueId updates, const GatherDims& d, bool sorted, bool unique) {
  GraphBuilder& b = into.b;
  Type scalar = Type::tensor(into.type().dtype);
  RegionId region = b.region({scalar, scalar}, [&](std::vector<ValueId> a) { return std::vector{b.add(a[0], a[1])}; });
  return b.value(OpKind::kScatter, {into, indices, updates},
                 {{"scatter_dimension_numbers", scatter_attribute(d)},
                  {"indices_are_sorted", Attribute::boolean(sorted)},
                  {"unique_indices", Attribute::boolean(unique)}}, {}, {region});
}

}  // namespace

void vjp_dynamic_slice(VjpView& v) {
  Flow f(v);
  f.give(0, f.ct().of(f.b().value(OpKind::kDynamicUpdateSlice, with_starts({f.x().like(0), f.ct()}, v))));
}

void vjp_dynamic_update_slice(VjpView& v) {
  Flow f(v);
  if (f.wants(0)) f.give(0, f.ct().of(f.b().value(OpKind::kDynamicUpdateSlice, with_starts({f.ct(), f.x(1).like(0)}, v))));
  if (f.wants(1)) {
    f.give(1, f.ct().of(f.b().value(OpKind::kDynamicSlice, with_starts({f.ct()}, v),
                                    {{"slice_sizes", Attribute::dense_array(f.x(1).type().shape)}})));
  }
}

// Gather moves an index that is out of bounds back inside, scatter leaves its update out: so the indices are moved first.
void vjp_gather(VjpView& v) {
  Flow f(v);
  GatherDims d = gather_dims(f.op());
  Expr indices = f.x(1);
  Expr last = bounds(d, f.x(0).type().shape, integers(f.op(), "slice_sizes"), indices);
  Expr inside = indices.of(f.b().value(OpKind::kClamp, {f.b().constant(0, indices.type().dtype), indices, last}));
  f.give(0, f.ct().of(scatter_add(f.x(0).like(0), inside, f.ct(), d, flag(f.op(), "indices_are_sorted"), false)));
}

namespace {

// How far an update reaches along each dim of the operand.
Ints window_of(const GatherDims& d, const Shape& operand, const Shape& updates) {
  Ints window(operand.size(), 1);
  Ints dims = d.window_dims(static_cast<int64_t>(operand.size()));
  for (size_t i = 0; i < dims.size(); ++i) window[dims[i]] = updates[d.offset_dims[i]];
  return window;
}

// What stands in x where the updates went, and zero where an update fell outside.
Expr gather_back(Flow& f, Expr x, const GatherDims& d) {
  GraphBuilder& b = f.b();
  Expr indices = f.x(1);
  const Shape operand = f.x(0).type().shape, updates = f.x(2).type().shape;
  Ints window = window_of(d, operand, updates);
  ValueId rows = b.value(OpKind::kGather, {x, indices},
                         {{"dimension_numbers", gather_attribute(d)},
                          {"slice_sizes", Attribute::dense_array(window)},
                          {"indices_are_sorted", Attribute::boolean(flag(f.op(), "indices_are_sorted"))}});
  Expr inside = compare(indices, indices.like(0), "GE").binary(OpKind::kAnd, compare(indices, bounds(d, operand, window, indices), "LE"));
  if (d.index_vector_dim < indices.type().rank()) inside.id = b.reduce(OpKind::kAnd, inside, 1, {d.index_vector_dim});
  inside.id = b.broadcast_in_dim(inside, updates, d.batch_dims(static_cast<int64_t>(updates.size())));
  return select(inside, x.of(rows), x.of(rows).like(0));
}

}  // namespace

void vjp_scatter(VjpView& v) {
  Flow f(v);
  if (v.operands.size() != 3) f.refuse("a single operand", "several, scattered together");
  if (plain_binary_region(v.graph, v.node.regions[0]) != OpKind::kAdd) f.refuse("a region that adds", "another one");
  f.give(0, f.ct());
  if (f.wants(2)) f.give(2, gather_back(f, f.ct(), scatter_dims(f.op())));
}

}  // namespace cordata::ir::ops
