// SPDX-License-Identifier: Apache-2.0
#include "cordata/partition/collectives.h"

#include <algorithm>

#include "cordata/base/error.h"

namespace cordata::partition {

using ir::AttrDict;
using ir::Attribute;
using ir::DType;
using ir::OpKind;
using ir::Type;
using ir::ValueId;
using sharding::CollectiveKind;
using sharding::Permutation;
using sharding::ReshardStep;
using sharding::Sharding;

namespace {

OpKind combiner(ir::ReduceKind kind) {
  switch (kind) {
    case ir::ReduceKind::kAdd:
      return OpKind::kAdd;
    case ir::ReduceKind::kMax:
      return OpKind::kMaximum;
    case ir::ReduceKind::kMin:
      return OpKind::kMinimum;
    case ir::ReduceKind::kMul:
      return OpKind::kMultiply;
    case ir::ReduceKind::kAnd:
      return OpKind::kAnd;
    case ir::ReduceKind::kOr:
      return OpKind::kOr;
  }
  throw base::internal_error("[partition] wanted a kind of reduction, got {}", static_cast<int>(kind));
}

std::string reduce_name(ir::ReduceKind kind) {
  constexpr const char* kNames[] = {"add", "max", "min", "mul", "and", "or"};
  return kNames[static_cast<int>(kind)];
}

Attribute dense(DType dtype, const std::vector<int64_t>& values, ir::Shape shape) {
  Attribute a = Attribute::elements(ir::dense_i64(values, std::move(shape)));
  if (dtype == DType::kI64) return a;
  throw base::internal_error("[partition] wanted 64-bit elements, got {}", ir::name(dtype));
}

Attribute replica_groups(const sharding::Mesh& mesh, uint32_t axes) {
  std::vector<int64_t> flat;
  auto groups = mesh.groups(axes);
  for (const auto& group : groups) flat.insert(flat.end(), group.begin(), group.end());
  return dense(DType::kI64, flat,
               {static_cast<int64_t>(groups.size()), static_cast<int64_t>(groups[0].size())});
}

// Row-major, as the handlers read and write it; a token has no layout.
Attribute layout(const Type& type) {
  int64_t rank = type.is_tensor() ? type.rank() : 0;
  std::vector<int64_t> minor_to_major(rank);
  for (int64_t d = 0; d < rank; ++d) minor_to_major[d] = rank - 1 - d;
  ir::DenseElements order = ir::dense_i64(std::move(minor_to_major), {rank});
  order.type.dtype = DType::kIndex;
  return Attribute::elements(std::move(order));
}

Attribute result_takes_over_operand() {
  return Attribute::list({Attribute::structure("stablehlo.output_operand_alias",
                                               {{"output_tuple_indices", Attribute::dense_array({0})},
                                                {"operand_index", Attribute::of(0)},
                                                {"operand_tuple_indices", Attribute::dense_array({})}})});
}

std::string target(CollectiveKind kind) {
  switch (kind) {
    case CollectiveKind::kAllReduce:
      return "cordata.all_reduce";
    case CollectiveKind::kReduceScatter:
      return "cordata.reduce_scatter";
    case CollectiveKind::kAllGather:
      return "cordata.all_gather";
    case CollectiveKind::kAllToAll:
      return "cordata.all_to_all";
    default:
      return "cordata.permute";
  }
}

}  // namespace

int Communicators::index(uint32_t axes) {
  auto it = std::ranges::find(axes_sets, axes);
  if (it == axes_sets.end()) it = axes_sets.insert(it, axes);
  return first + static_cast<int>(it - axes_sets.begin());
}

Collectives::Collectives(ir::GraphBuilder& builder, const sharding::Mesh& mesh, CollectiveMode mode,
                         Communicators& communicators, std::function<ValueId()> device_index)
    : builder_(builder),
      mesh_(mesh),
      mode_(mode),
      communicators_(communicators),
      device_index_(std::move(device_index)) {}

ValueId Collectives::device() {
  if (device_.valid()) return device_;
  if (mode_ == CollectiveMode::kNative) {
    ValueId id = builder_.value(OpKind::kReplicaId, {}, {}, {Type::tensor(DType::kUI32)});
    device_ = builder_.convert(id, DType::kI32);
  } else {
    device_ = device_index_();
  }
  return device_;
}

ValueId Collectives::position(uint32_t axes) {
  for (auto [known, value] : positions_) {
    if (known == axes) return value;
  }
  ValueId at;
  for (int a = 0; a < mesh_.num_axes(); ++a) {
    if (!(axes >> a & 1)) continue;
    int64_t stride = 1;
    for (int b = a + 1; b < mesh_.num_axes(); ++b) stride *= mesh_.shape[b];
    ValueId c = stride == 1 ? device() : builder_.div(device(), scalar(stride));
    if (stride * mesh_.shape[a] < mesh_.size())
      c = builder_.binary(OpKind::kRemainder, c, scalar(mesh_.shape[a]));
    at = at.valid() ? builder_.add(builder_.mul(at, scalar(mesh_.shape[a])), c) : c;
  }
  if (!at.valid()) at = scalar(0);
  positions_.emplace_back(axes, at);
  return at;
}

ValueId Collectives::reshard(ValueId x, const Type& type, const Sharding& from, const Sharding& to) {
  auto path = sharding::reshard_path(type, from, to, mesh_);
  if (!path) {
    throw base::internal_error("[partition] wanted a way to bring {} from {} to {} on mesh {}, got none",
                               ir::to_string(type), to_string(from, type, mesh_), to_string(to, type, mesh_),
                               to_string(mesh_));
  }
  Sharding at = from;
  for (const ReshardStep& s : *path) {
    x = step(x, type, at, s);
    at = s.after;
  }
  return x;
}

ValueId Collectives::step(ValueId x, const Type& type, const Sharding& before, const ReshardStep& s) {
  Type after = sharding::local_type(type, s.after, mesh_);
  if (s.kind == CollectiveKind::kSlice) return slice(x, s, after);
  if (s.kind == CollectiveKind::kPartialize) return partialize(x, s);
  std::optional<Permutation> permutation;
  if (s.kind == CollectiveKind::kPermute) {
    permutation = sharding::find_permutation(type.rank(), before, s.after, mesh_);
    x = cut_for_target(x, type, before, s.after, *permutation);
  }
  return mode_ == CollectiveMode::kNative ? native(x, s, after, permutation)
                                          : custom_call(x, s, after, permutation);
}

ValueId Collectives::slice(ValueId x, const ReshardStep& s, const Type& after) {
  std::vector<ValueId> operands{x};
  for (int64_t d = 0; d < after.rank(); ++d) {
    operands.push_back(d == s.dim ? builder_.mul(position(s.axes), scalar(after.shape[d])) : scalar(0));
  }
  return builder_.value(OpKind::kDynamicSlice, operands,
                        {{"slice_sizes", Attribute::dense_array(after.shape)}}, {after});
}

ValueId Collectives::partialize(ValueId x, const ReshardStep& s) {
  Type type = builder_.type(x);
  ValueId first = builder_.compare(position(s.axes), scalar(0), "EQ");
  return builder_.select(first, x, builder_.constant(0, type.dtype, type.shape));
}

// What a device sends is the part of its block that its target wants: offsets by device, from a table.
ValueId Collectives::cut_for_target(ValueId x, const Type& type, const Sharding& before,
                                    const Sharding& after, const Permutation& permutation) {
  Type have = sharding::local_type(type, before, mesh_), want = sharding::local_type(type, after, mesh_);
  if (have == want) return x;
  std::vector<std::vector<int64_t>> offsets(type.rank(), std::vector<int64_t>(mesh_.size()));
  for (const auto& group : mesh_.groups(permutation.axes)) {
    for (auto [source, target] : permutation.pairs) {
      auto held = sharding::block_start(type, before, mesh_, group[source]);
      auto wanted = sharding::block_start(type, after, mesh_, group[target]);
      for (int64_t d = 0; d < type.rank(); ++d) offsets[d][group[source]] = wanted[d] - held[d];
    }
  }
  std::vector<ValueId> operands{x};
  for (int64_t d = 0; d < type.rank(); ++d) {
    if (have.shape[d] == want.shape[d]) {
      operands.push_back(scalar(0));
      continue;
    }
    ValueId table =
        builder_.convert(builder_.constant(ir::dense_i64(offsets[d], {mesh_.size()})), DType::kI32);
    ValueId entry =
        builder_.value(OpKind::kDynamicSlice, {table, device()},
                       {{"slice_sizes", Attribute::dense_array({1})}}, {Type::tensor(DType::kI32, {1})});
    operands.push_back(builder_.reshape(entry, {}));
  }
  return builder_.value(OpKind::kDynamicSlice, operands,
                        {{"slice_sizes", Attribute::dense_array(want.shape)}}, {want});
}

ValueId Collectives::native(ValueId x, const ReshardStep& s, const Type& after,
                            const std::optional<Permutation>& permutation) {
  AttrDict attrs;
  std::vector<ir::RegionId> regions;
  auto reducer = [&] {
    Type element = Type::tensor(after.dtype);
    regions.push_back(builder_.region({element, element}, [&](std::vector<ValueId> args) {
      return std::vector<ValueId>{builder_.binary(combiner(s.reduce), args[0], args[1])};
    }));
  };
  if (s.kind == CollectiveKind::kPermute) {
    std::vector<int64_t> flat;
    for (const auto& group : mesh_.groups(permutation->axes)) {
      for (auto [source, target] : permutation->pairs) {
        flat.push_back(group[source]);
        flat.push_back(group[target]);
      }
    }
    attrs["source_target_pairs"] = dense(DType::kI64, flat, {static_cast<int64_t>(flat.size() / 2), 2});
    return builder_.value(OpKind::kCollectivePermute, {x}, attrs, {after});
  }
  auto groups = mesh_.groups(s.axes);
  attrs["replica_groups"] = replica_groups(mesh_, s.axes);
  switch (s.kind) {
    case CollectiveKind::kAllReduce:
      reducer();
      return builder_.value(OpKind::kAllReduce, {x}, attrs, {after}, regions);
    case CollectiveKind::kReduceScatter:
      reducer();
      attrs["scatter_dimension"] = Attribute::of(s.dim);
      return builder_.value(OpKind::kReduceScatter, {x}, attrs, {after}, regions);
    case CollectiveKind::kAllGather:
      attrs["all_gather_dim"] = Attribute::of(s.dim);
      return builder_.value(OpKind::kAllGather, {x}, attrs, {after});
    default:
      attrs["split_dimension"] = Attribute::of(s.dim);
      attrs["concat_dimension"] = Attribute::of(s.from_dim);
      attrs["split_count"] = Attribute::of(static_cast<int64_t>(groups[0].size()));
      return builder_.value(OpKind::kAllToAll, {x}, attrs, {after});
  }
}

ValueId Collectives::custom_call(ValueId x, const ReshardStep& s, const Type& after,
                                 const std::optional<Permutation>& permutation) {
  if (!token_.valid()) token_ = builder_.value(OpKind::kCreateToken, {}, {}, {Type::token()});
  AttrDict config{{"comm", Attribute::of(communicators_.index(s.axes))}};
  if (s.kind == CollectiveKind::kAllReduce || s.kind == CollectiveKind::kReduceScatter) {
    config["reduce"] = Attribute::string(reduce_name(s.reduce));
  }
  if (s.kind == CollectiveKind::kReduceScatter || s.kind == CollectiveKind::kAllGather)
    config["dim"] = Attribute::of(s.dim);
  if (s.kind == CollectiveKind::kAllToAll) {
    config["split_dim"] = Attribute::of(s.dim);
    config["concat_dim"] = Attribute::of(s.from_dim);
  }
  if (permutation) {
    std::vector<int64_t> flat;
    for (auto [source, target] : permutation->pairs) flat.insert(flat.end(), {source, target});
    config["pairs"] = Attribute::dense_array(flat);
  }
  AttrDict attrs{{"call_target_name", Attribute::string(target(s.kind))},
                 {"api_version", Attribute::of(4, DType::kI32)},
                 {"has_side_effect", Attribute::boolean(true)},
                 {"backend_config", Attribute::dictionary(config)},
                 {"operand_layouts", Attribute::list({layout(builder_.type(x)), layout(Type::token())})},
                 {"result_layouts", Attribute::list({layout(after), layout(Type::token())})}};
  // An argument can't be written over: its compiler would copy it first.
  const bool argument = !builder_.graph().value(x).def.valid();
  if (s.kind == CollectiveKind::kAllReduce && !argument)
    attrs["output_operand_aliases"] = result_takes_over_operand();
  ir::NodeId call = builder_.create(OpKind::kCustomCall, {x, token_}, attrs, {after, Type::token()});
  token_ = builder_.node(call).result(1);
  return builder_.node(call).result(0);
}

}  // namespace cordata::partition
