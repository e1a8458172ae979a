// SPDX-License-Identifier: Apache-2.0
#include "cordata/ir/graph.h"

#include <algorithm>
#include <unordered_set>

namespace cordata::ir {

const Attribute* Graph::find_attr(const Node& node, std::string_view key) {
  auto it = node.attrs.find(key);
  return it == node.attrs.end() ? nullptr : &it->second;
}

Value Graph::value(ValueId id) const {
  static const std::string kNone;
  auto name = names_.find(id);
  const Defined& v = values_[id.index];
  return {*v.type, v.def, v.index, name == names_.end() ? kNone : name->second};
}

std::vector<std::vector<NodeId>> users(const Graph& graph) {
  std::vector<std::vector<NodeId>> out(graph.num_values());
  for (int i = 0; i < graph.num_nodes(); ++i) {
    for (ValueId operand : graph.node(NodeId(i)).operands) out[operand.index].push_back(NodeId(i));
  }
  return out;
}

namespace {

// Collects in order of first read; `inside` holds the values defined within.
struct CaptureScan {
  const Graph& graph;
  std::unordered_set<ValueId> inside, seen;
  std::vector<ValueId> found;

  void read(ValueId v) {
    if (!inside.contains(v) && seen.insert(v).second) found.push_back(v);
  }

  void region(RegionId id) {
    const Region& r = graph.region(id);
    inside.insert(r.args.begin(), r.args.end());
    for (NodeId n : r.nodes) {
      const Node& node = graph.node(n);
      for (ValueId v : node.operands) read(v);
      for (RegionId inner : node.regions) region(inner);
      for (int i = 0; i < node.num_results; ++i) inside.insert(node.result(i));
    }
    for (ValueId v : r.results) read(v);
  }
};

}  // namespace

std::vector<ValueId> captures(const Graph& graph, const Node& node) {
  if (node.regions.empty()) return {};
  CaptureScan scan{graph, {}, {}, {}};
  for (RegionId r : node.regions) scan.region(r);
  return std::move(scan.found);
}

}  // namespace cordata::ir
