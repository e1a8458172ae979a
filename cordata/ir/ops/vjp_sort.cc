// SPDX-License-Identifier: Apache-2.0
#include "cordata/ir/ops/gather.h"
#include "cordata/ir/ops/vjp.h"

namespace cordata::ir::ops {
namespace {

// Copies a region's ops to where the builder stands, its arguments bound to `args`; gives what it returns.
std::vector<ValueId> copied(GraphBuilder& b, const Graph& from, RegionId region,
                            const std::vector<ValueId>& args) {
  std::vector<ValueId> map(from.num_values()), out;
  const Region& r = from.region(region);
  for (size_t i = 0; i < r.args.size(); ++i) map[r.args[i].index] = args[i];
  for (NodeId n : r.nodes) b.clone(from, n, map);
  for (ValueId v : r.results) out.push_back(map[v.index]);
  return out;
}

std::vector<Type> pairs_of_scalars(const GraphBuilder& b, const std::vector<ValueId>& values) {
  std::vector<Type> out;
  for (ValueId v : values) out.insert(out.end(), 2, Type::tensor(b.type(v).dtype));
  return out;
}

NodeId sort(GraphBuilder& b, std::vector<ValueId> values, int64_t dim, RegionId comparator, bool stable) {
  return b.create(OpKind::kSort, std::move(values),
                  {{"dimension", Attribute::of(dim)}, {"is_stable", Attribute::boolean(stable)}}, {},
                  {comparator});
}

}  // namespace

// Where each element came from is what the same sort makes of the positions; sorting the cotangents by that
// brings each back to where its element was.
void vjp_sort(VjpView& v) {
  Flow f(v);
  GraphBuilder& b = f.b();
  if (!captures(v.graph, v.node).empty())
    f.refuse("a comparator that reads only its arguments", "one that reads other values");
  int64_t dim = integer(f.op(), "dimension", -1), rank = f.x().type().rank();
  if (dim < 0) dim += rank;
  std::vector<ValueId> values(v.operands.begin(), v.operands.end());
  values.push_back(b.iota(Type::tensor(DType::kI32, f.x().type().shape), dim));
  RegionId as_before = b.region(pairs_of_scalars(b, values), [&](std::vector<ValueId> a) {
    return copied(b, v.graph, v.node.regions[0], {a.begin(), a.end() - 2});
  });
  NodeId placed = sort(b, values, dim, as_before, flag(f.op(), "is_stable"));
  std::vector<ValueId> back = {b.node(placed).result(static_cast<int>(v.operands.size()))};
  std::vector<int> whose;
  for (size_t i = 0; i < v.cotangents.size(); ++i) {
    if (!v.cotangents[i].valid()) continue;
    back.push_back(v.cotangents[i]);
    whose.push_back(static_cast<int>(i));
  }
  RegionId by_place = b.region(pairs_of_scalars(b, back), [&](std::vector<ValueId> a) {
    return std::vector{b.compare(a[0], a[1], "LT")};
  });
  NodeId returned = sort(b, back, dim, by_place, false);
  for (size_t i = 0; i < whose.size(); ++i)
    f.give(whose[i], f.x().of(b.node(returned).result(static_cast<int>(i) + 1)));
}

// The values' cotangents go where the second result says they were.
void vjp_chlo_top_k(VjpView& v) {
  Flow f(v);
  GraphBuilder& b = f.b();
  Shape where = f.y(1).type().shape;
  int64_t last = static_cast<int64_t>(where.size()) - 1;
  where.push_back(1);
  Ints leading = other_dims(last, {});
  GatherDims d{{}, {last}, leading, leading, {last}, last + 1};
  f.give(0, scatter_add(f.x().like(0), b.reshape(f.y(1), where), f.ct(), d, false, true));
}

}  // namespace cordata::ir::ops
