// SPDX-License-Identifier: Apache-2.0
#include "cordata/program/collective_calls.h"

#include <algorithm>
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

void add_scratch(const ir::Graph& graph, const ir::Node& node, CollectiveCall& call) {
  const ir::Attribute* config = ir::Graph::find_attr(node, "backend_config");
  if (!config) return;
  const auto dim = [&](std::string_view key) {
    const auto at = config->dict().find(key);
    return at == config->dict().end() ? 0 : static_cast<int>(at->second.integer());
  };
  const bool moves = call.kind == CollectiveKind::kAllToAll;
  const auto scratch = sharding::packing(call.kind, graph.type(node.operands[0]), graph.type(node.result()),
                                         dim(moves ? "split_dim" : "dim"), dim("concat_dim"));
  call.packed = scratch.packed, call.received = scratch.received;
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
    if (custom) add_scratch(graph, node, call);
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
