// SPDX-License-Identifier: Apache-2.0
#include "cordata/partition/local_op.h"

#include <algorithm>

#include "cordata/ir/op_table.h"

namespace cordata::partition {

using ir::Graph;
using ir::GraphBuilder;
using ir::Node;
using ir::RegionId;
using ir::Type;
using ir::ValueId;

namespace {

// Regions see scalars, or whole values: they are the same on every device.
RegionId clone_region(GraphBuilder& builder, const Graph& from, RegionId region, std::vector<ValueId>& map) {
  const ir::Region& old = from.region(region);
  std::vector<Type> types;
  for (ValueId v : old.args) types.push_back(from.type(v));
  RegionId id = builder.begin_region(std::move(types));
  for (size_t i = 0; i < old.args.size(); ++i) map[old.args[i].index] = builder.region_args(id)[i];
  for (ir::NodeId n : old.nodes) builder.clone(from, n, map);
  std::vector<ValueId> results;
  for (ValueId v : old.results) results.push_back(map[v.index]);
  builder.end_region(std::move(results));
  return id;
}

uint32_t axes_of(const sharding::Strategy& strategy, int factor) {
  uint32_t axes = 0;
  for (int a = 0; a < sharding::kMaxAxes; ++a) axes |= strategy.use[a] == factor ? 1u << a : 0u;
  return axes;
}

}  // namespace

std::vector<ValueId> emit_local(GraphBuilder& builder, Collectives& collectives, const Graph& graph,
                                const Node& node, const ir::FactorRule& rule,
                                const sharding::Strategy& strategy, const sharding::Mesh& mesh,
                                std::span<const ValueId> operands, std::vector<ValueId>& outer) {
  std::vector<Type> types;
  for (int i = 0; i < node.num_results; ++i) {
    types.push_back(local_type(graph.type(node.result(i)), result_sharding(rule, strategy, i), mesh));
  }
  std::vector<int64_t> shards = factor_shards(rule, strategy, mesh);
  bool whole = std::ranges::all_of(shards, [](int64_t n) { return n == 1; });
  if (auto localize = ir::row(node.kind).localize; localize && (!whole || rule.awaited)) {
    std::function<ValueId(int)> shard_index = [&](int factor) {
      return collectives.position(axes_of(strategy, factor));
    };
    ir::LocalizeView view{builder, graph, node, rule, shards, shard_index, operands, types};
    return localize(view);
  }
  std::vector<RegionId> regions;
  for (RegionId r : node.regions) regions.push_back(clone_region(builder, graph, r, outer));
  ir::NodeId made =
      builder.create(node.kind, {operands.begin(), operands.end()}, node.attrs, types, regions, node.line);
  std::vector<ValueId> results;
  for (int i = 0; i < node.num_results; ++i) results.push_back(builder.node(made).result(i));
  return results;
}

}  // namespace cordata::partition
