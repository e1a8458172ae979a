// SPDX-License-Identifier: Apache-2.0
#include "cordata/program/collective_calls.h"

#include <optional>

namespace cordata::program {
namespace {

using ir::OpKind;
using sharding::CollectiveKind;

struct Row {
  OpKind op;
  std::string_view target;
  CollectiveKind kind;
};
constexpr Row kRows[] = {
    {OpKind::kAllGather, "cordata.all_gather", CollectiveKind::kAllGather},
    {OpKind::kAllReduce, "cordata.all_reduce", CollectiveKind::kAllReduce},
    {OpKind::kAllToAll, "cordata.all_to_all", CollectiveKind::kAllToAll},
    {OpKind::kCollectivePermute, "cordata.permute", CollectiveKind::kPermute},
    {OpKind::kReduceScatter, "cordata.reduce_scatter", CollectiveKind::kReduceScatter},
};

int comm_of(const ir::Node& node) {
  const ir::Attribute* config = ir::Graph::find_attr(node, "backend_config");
  const auto comm = config ? config->dict().find("comm") : ir::AttrDict::const_iterator{};
  return config && comm != config->dict().end() ? static_cast<int>(comm->second.integer()) : -1;
}

std::optional<CollectiveCall> as_collective(const ir::Graph& graph, ir::NodeId id) {
  const ir::Node& node = graph.node(id);
  const bool custom = node.kind == OpKind::kCustomCall;
  const ir::Attribute* target = custom ? ir::Graph::find_attr(node, "call_target_name") : nullptr;
  for (const Row& row : kRows) {
    if (custom ? !target || target->text() != row.target : node.kind != row.op) continue;
    CollectiveCall call{row.kind, custom ? comm_of(node) : -1, 0, id};
    for (ir::ValueId v : node.operands)
      if (graph.type(v).is_tensor()) call.bytes += graph.type(v).num_bytes();
    return call;
  }
  return std::nullopt;
}

void collect(const ir::Graph& graph, const ir::Region& region, std::vector<CollectiveCall>& calls) {
  for (ir::NodeId id : region.nodes) {
    if (auto call = as_collective(graph, id)) {
      calls.push_back(*call);
      continue;
    }
    for (ir::RegionId inner : graph.node(id).regions) collect(graph, graph.region(inner), calls);
  }
}

}  // namespace

std::vector<CollectiveCall> collective_calls(const ir::Graph& graph) {
  std::vector<CollectiveCall> calls;
  collect(graph, graph.body(), calls);
  return calls;
}

}  // namespace cordata::program
