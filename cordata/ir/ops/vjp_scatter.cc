// SPDX-License-Identifier: Apache-2.0
#include "cordata/ir/ops/gather.h"
#include "cordata/ir/ops/vjp.h"

namespace cordata::ir::ops {
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
  Expr inside =
      compare(indices, indices.like(0), "GE")
          .binary(OpKind::kAnd, compare(indices, last_start_of_windows(d, operand, window, indices), "LE"));
  if (d.index_vector_dim < indices.type().rank())
    inside.id = b.reduce(OpKind::kAnd, inside, 1, {d.index_vector_dim});
  inside.id = b.broadcast_in_dim(inside, updates, d.batch_dims(static_cast<int64_t>(updates.size())));
  return select(inside, x.of(rows), x.of(rows).like(0));
}

// The op again with other values.
Expr scatter_again(Flow& f, const VjpView& v, Expr into, ValueId updates, OpKind kind) {
  GraphBuilder& b = f.b();
  Type scalar = Type::tensor(into.type().dtype);
  RegionId region = b.region({scalar, scalar}, [&](std::vector<ValueId> a) {
    return std::vector{kind == OpKind::kSelect ? a[1] : b.binary(kind, a[0], a[1])};
  });
  return into.of(b.value(OpKind::kScatter, {into, f.x(1), updates}, v.node.attrs, {}, {region}));
}

// An update that replaces what was there: which of several won is told by scattering their numbers the same
// way.
void backward_replace(Flow& f, const VjpView& v, const GatherDims& d) {
  const Shape operand = f.x(0).type().shape, updates = f.x(2).type().shape;
  GraphBuilder& b = f.b();
  int64_t count = f.x(2).type().num_elements();
  Expr numbers = f.x(2).of(b.reshape(b.iota(Type::tensor(DType::kI32, {count}), 0), updates));
  Expr nobody = numbers.of(b.constant(-1, DType::kI32, operand));
  Expr winner = scatter_again(f, v, nobody, numbers, OpKind::kSelect);
  if (f.wants(0)) f.give(0, select(compare(winner, nobody, "EQ"), f.ct(), f.ct().like(0)));
  if (!f.wants(2)) return;
  Expr won = compare(gather_back(f, winner, d), numbers, "EQ");
  Expr back = gather_back(f, f.ct(), d);
  f.give(2, select(won, back, back.like(0)));
}

// Shared evenly by all that are the extreme.
void backward_extreme(Flow& f, const GatherDims& d) {
  Expr y = f.y(), ct = f.ct();
  auto ones = [&](Expr which) { return ct.of(f.b().convert(which, ct.type().dtype)); };
  Expr kept = ones(compare(f.x(0), y, "EQ")), came = ones(compare(f.x(2), gather_back(f, y, d), "EQ"));
  Expr share = ct / scatter_add(kept, f.x(1), came, d, flag(f.op(), "indices_are_sorted"),
                                flag(f.op(), "unique_indices"))
                        .binary(OpKind::kMaximum, ct.like(1));
  f.give(0, kept * share);
  if (f.wants(2)) f.give(2, came * gather_back(f, share, d));
}

void backward_multiply(Flow& f, const VjpView& v, const GatherDims& d) {
  if (!flag(f.op(), "unique_indices"))
    f.refuse("unique_indices where it multiplies", "indices that may meet");
  f.give(0, scatter_again(f, v, f.ct(), f.x(2), OpKind::kMultiply));
  if (f.wants(2)) f.give(2, gather_back(f, f.ct() * f.x(0), d));
}

bool replaces(const Graph& graph, RegionId id) {
  const Region& r = graph.region(id);
  return r.args.size() == 2 && r.results.size() == 1 && r.results[0] == r.args[1];
}

}  // namespace

void vjp_scatter(VjpView& v) {
  Flow f(v);
  if (v.operands.size() != 3) f.refuse("a single operand", "several, scattered together");
  GatherDims d = scatter_dims(f.op());
  if (replaces(v.graph, v.node.regions[0])) return backward_replace(f, v, d);
  auto kind = plain_binary_region(v.graph, v.node.regions[0]);
  if (kind == OpKind::kMultiply) return backward_multiply(f, v, d);
  if (kind == OpKind::kMaximum || kind == OpKind::kMinimum) return backward_extreme(f, d);
  if (kind != OpKind::kAdd)
    f.refuse("a region that adds, multiplies, replaces, or takes the maximum or minimum", "another one");
  f.give(0, f.ct());
  if (f.wants(2)) f.give(2, gather_back(f, f.ct(), d));
}

}  // namespace cordata::ir::ops
