// SPDX-License-Identifier: Apache-2.0
// One device's share of ops whose attributes speak of sharded extents, or which need to know where the
// device's block begins.
#include "cordata/ir/builder.h"
#include "cordata/ir/ops/gather.h"
#include "cordata/ir/ops/rules.h"

namespace cordata::ir::ops {
namespace {

// The factor that makes `dim` of a tensor's factors more than one block, or -1.
int sharded_factor(const LocalizeView& v, const DimFactors& dim) {
  for (int f : dim) {
    if (v.shards[f] > 1) return f;
  }
  return -1;
}

// The op with its local operands and one attribute replaced.
Values with_attribute(LocalizeView& v, std::string_view key, Ints value) {
  AttrDict attrs = v.node.attrs;
  attrs[std::string(key)] = Attribute::dense_array(std::move(value));
  return {
      v.builder.value(v.node.kind, {v.operands.begin(), v.operands.end()}, std::move(attrs), {v.results[0]})};
}

// The scalar index of the first element of the device's block, of type `dtype`, for a block of `extent`
// elements.
ValueId block_offset(LocalizeView& v, int factor, int64_t extent, DType dtype) {
  GraphBuilder& b = v.builder;
  ValueId index = b.convert(v.shard_index(factor), dtype);
  return b.mul(index, b.constant(static_cast<double>(extent), dtype));
}

ValueId spread(GraphBuilder& b, ValueId scalar, const Shape& shape) {
  return b.broadcast_in_dim(scalar, shape, {});
}

// Indices into a table of `rows` rows as indices into the device's block; `local_rows` long.
ValueId shifted_indices(LocalizeView& v, ValueId indices, int factor, int64_t local_rows) {
  GraphBuilder& b = v.builder;
  const Type type = b.type(indices);
  return b.sub(indices, spread(b, block_offset(v, factor, local_rows, type.dtype), type.shape));
}

// Unsigned and narrow indices couldn't hold what is left of the block.
ValueId signed_indices(GraphBuilder& b, ValueId indices) {
  DType t = b.type(indices).dtype;
  bool fine = t == DType::kI32 || t == DType::kI64;
  return fine ? indices : b.convert(indices, bits(t) > 32 ? DType::kI64 : DType::kI32);
}

}  // namespace

Values localize_constant(LocalizeView& v) {
  const DenseElements& dense = Graph::find_attr(v.node, "value")->dense();
  const Type& local = v.results[0];
  if (dense.splat) {
    DenseElements smaller = dense;
    smaller.type = local;
    return {v.builder.constant(std::move(smaller))};
  }
  ValueId whole = v.builder.constant(dense);
  Values operands{whole};
  for (size_t d = 0; d < local.shape.size(); ++d) {
    int f = sharded_factor(v, v.rule.results[0][d]);
    operands.push_back(f < 0 ? v.builder.constant(0, DType::kI32)
                             : block_offset(v, f, local.shape[d], DType::kI32));
  }
  AttrDict attrs{{"slice_sizes", Attribute::dense_array(local.shape)}};
  return {v.builder.value(OpKind::kDynamicSlice, operands, std::move(attrs))};
}

Values localize_iota(LocalizeView& v) {
  GraphBuilder& b = v.builder;
  int64_t dim = Graph::find_attr(v.node, "iota_dimension")->integer();
  const Type& local = v.results[0];
  ValueId counted = b.iota(local, dim);
  int f = sharded_factor(v, v.rule.results[0][dim]);
  if (f < 0) return {counted};
  return {b.add(counted, spread(b, block_offset(v, f, local.shape[dim], local.dtype), local.shape))};
}

Values localize_broadcast(LocalizeView& v) {
  const Shape& out = v.results[0].shape;
  size_t extra = out.size() - v.builder.type(v.operands[0]).shape.size();
  return with_attribute(v, "broadcast_sizes",
                        Ints(out.begin(), out.begin() + static_cast<std::ptrdiff_t>(extra)));
}

// A dim that is sharded is taken whole, so its limit is the local extent.
Values localize_slice(LocalizeView& v) {
  NodeView n(v.graph, v.node);
  Ints limits = integers(n.view, "limit_indices");
  for (size_t d = 0; d < limits.size(); ++d) {
    if (sharded_factor(v, v.rule.results[0][d]) >= 0) limits[d] = v.results[0].shape[d];
  }
  return with_attribute(v, "limit_indices", std::move(limits));
}

Values localize_dynamic_slice(LocalizeView& v) {
  return with_attribute(v, "slice_sizes", v.results[0].shape);
}

Values localize_gather(LocalizeView& v) {
  GraphBuilder& b = v.builder;
  NodeView n(v.graph, v.node);
  GatherDims d = gather_dims(n.view);
  const Type table = b.type(v.operands[0]), whole = v.graph.type(v.node.operands[0]), out = v.results[0];
  Ints sizes = integers(n.view, "slice_sizes"), window = d.window_dims(table.rank());
  for (size_t i = 0; i < window.size(); ++i) sizes[window[i]] = out.shape[d.offset_dims[i]];
  AttrDict attrs = n.view.attrs;
  attrs["slice_sizes"] = Attribute::dense_array(sizes);

  int64_t row = d.start_index_map.empty() ? 0 : d.start_index_map[0];
  int f = d.start_index_map.size() == 1 ? sharded_factor(v, v.rule.operands[0][row]) : -1;
  if (f < 0)
    return {b.value(OpKind::kGather, {v.operands.begin(), v.operands.end()}, std::move(attrs), {out})};

  // Clamped as the whole op would, then looked up where it falls into this block, zero where it doesn't.
  ValueId indices = signed_indices(b, v.operands[1]);
  const Type type = b.type(indices);
  ValueId last = b.constant(static_cast<double>(whole.shape[row] - 1), type.dtype),
          zero = b.constant(0, type.dtype);
  ValueId clamped = b.value(OpKind::kClamp, {zero, indices, last});
  ValueId local = shifted_indices(v, clamped, f, table.shape[row]);
  ValueId found = b.value(OpKind::kGather, {v.operands[0], local}, std::move(attrs), {out});
  ValueId above = b.compare(local, spread(b, zero, type.shape), "GE");
  ValueId below = b.compare(
      local, spread(b, b.constant(static_cast<double>(table.shape[row]), type.dtype), type.shape), "LT");
  ValueId inside = b.value(OpKind::kAnd, {above, below});
  Shape batch;
  for (int64_t i : d.batch_dims(out.rank())) batch.push_back(out.shape[i]);
  ValueId mask = b.broadcast_in_dim(b.reshape(inside, batch), out.shape, d.batch_dims(out.rank()));
  return {b.select(mask, found, b.constant(0, out.dtype, out.shape))};
}

Values localize_scatter(LocalizeView& v) {
  GraphBuilder& b = v.builder;
  NodeView n(v.graph, v.node);
  GatherDims d = scatter_dims(n.view);
  Values operands(v.operands.begin(), v.operands.end());
  int64_t row = d.start_index_map.empty() ? 0 : d.start_index_map[0];
  int f = d.start_index_map.size() == 1 ? sharded_factor(v, v.rule.operands[0][row]) : -1;
  if (f >= 0)
    operands[1] = shifted_indices(v, signed_indices(b, operands[1]), f, b.type(operands[0]).shape[row]);
  RegionId region = b.begin_region({Type::tensor(v.results[0].dtype), Type::tensor(v.results[0].dtype)});
  std::vector<ValueId> map(v.graph.num_values());
  const Region& old = v.graph.region(v.node.regions[0]);
  for (size_t i = 0; i < old.args.size(); ++i) map[old.args[i].index] = b.region_args(region)[i];
  for (NodeId node : old.nodes) b.clone(v.graph, node, map);
  b.end_region({map[old.results[0].index]});
  AttrDict attrs = n.view.attrs;
  attrs.erase("indices_are_sorted");  // shifting keeps the order, but dropped rows break promises of
                                      // uniqueness and bounds
  return {b.value(OpKind::kScatter, operands, std::move(attrs), {v.results[0]}, {region})};
}

}  // namespace cordata::ir::ops
