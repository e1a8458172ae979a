// SPDX-License-Identifier: Apache-2.0
#include "cordata/ir/structural_hash.h"

#include "cordata/ir/hash.h"
#include "cordata/ir/op_table.h"

namespace cordata::ir {
ValueHashes::ValueHashes(const Graph& graph)
    : graph_(graph), values_(graph.num_values()), nodes_(graph.num_nodes()), alone_(graph.num_nodes()) {
  all_ = region(RegionId(0), 0);
}

uint64_t ValueHashes::region(RegionId id, int depth) {
  const Region& r = graph_.region(id);
  uint64_t h = mix(0, depth);
  for (size_t i = 0; i < r.args.size(); ++i) {
    h = hash(h, graph_.type(r.args[i]));
    values_[r.args[i].index] = mix(mix(h, i), 0xa);
  }
  uint64_t effects = 0;
  for (NodeId n : r.nodes) {
    uint64_t nh = node(n, depth);
    if (affects_world(graph_, n)) effects += nh;  // their order is whatever their operands make it
  }
  for (ValueId v : r.results) h = mix(h, values_[v.index]);
  return mix(mix(h, r.results.size()), effects);
}

uint64_t ValueHashes::node(NodeId id, int depth) {
  const Node& n = graph_.node(id);
  uint64_t h = hash(mix(1, static_cast<uint64_t>(n.kind)), n.attrs), alone = h;
  for (ValueId v : n.operands) h = mix(h, values_[v.index]);
  for (RegionId r : n.regions) {
    const uint64_t inner = region(r, depth + 1);
    h = mix(h, inner), alone = mix(alone, inner);
  }
  for (int i = 0; i < n.num_results; ++i) {
    h = hash(h, graph_.type(n.result(i)));
    alone = hash(alone, graph_.type(n.result(i)));
  }
  alone_[id.index] = alone;
  for (int i = 0; i < n.num_results; ++i) values_[n.result(i).index] = mix(h, i);
  return nodes_[id.index] = h;
}

bool affects_world(const Graph& graph, NodeId id) {
  const Node& n = graph.node(id);
  if (has_side_effect(n)) return true;
  for (RegionId r : n.regions) {
    for (NodeId inner : graph.region(r).nodes) {
      if (affects_world(graph, inner)) return true;
    }
  }
  return false;
}

uint64_t structural_hash(const Graph& graph) { return ValueHashes(graph).all(); }

}  // namespace cordata::ir
