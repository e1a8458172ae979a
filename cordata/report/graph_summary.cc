// SPDX-License-Identifier: Apache-2.0
#include "cordata/report/graph_summary.h"

#include <algorithm>
#include <numeric>
#include <vector>

#include "cordata/ir/op_table.h"

namespace cordata::report {
namespace {

// The most that the results of these ops (positions, in order) take at once. A value lives until its last
// reader among them (that of a region: the op that holds it); what is read by none of them, or is a result of
// the graph, dies at once or stays.
base::Bytes most_live(const ir::Graph& graph, std::span<const int> order) {
  const int end = static_cast<int>(order.size());
  std::vector<int> last(graph.num_values(), -1);
  for (int k = 0; k < end; ++k) {
    const ir::Node& node = graph.node(graph.ops()[order[k]]);
    for (const auto v : node.operands) last[v.index] = k;
    if (!node.regions.empty())
      for (const auto v : ir::captures(graph, node)) last[v.index] = k;
  }
  for (const auto v : graph.results()) last[v.index] = end;
  std::vector<int64_t> freed(order.size() + 1, 0);
  int64_t live = 0, most = 0;
  for (int k = 0; k < end; ++k) {
    const ir::Node& node = graph.node(graph.ops()[order[k]]);
    const bool costs = !ir::is_constant_like(node.kind);
    for (int r = 0; r < node.num_results && costs; ++r) {
      const int64_t bytes = graph.type(node.result(r)).num_bytes();
      live += bytes;
      freed[std::max(k, last[node.result(r).index])] += bytes;
    }
    most = std::max(most, live);
    live -= freed[k];
  }
  return base::Bytes(static_cast<double>(most));
}

base::Bytes bytes_of(const ir::Graph& graph, std::span<const ir::ValueId> values) {
  base::Bytes sum{0};
  for (const auto v : values) sum += base::Bytes(static_cast<double>(graph.type(v).num_bytes()));
  return sum;
}

// Scalars have nothing to shard.
bool has_dims(const ir::Graph& graph, const ir::Node& node) {
  const auto ranked = [&](ir::ValueId v) { return graph.type(v).rank() > 0; };
  for (int r = 0; r < node.num_results; ++r)
    if (ranked(node.result(r))) return true;
  return std::any_of(node.operands.begin(), node.operands.end(), ranked);
}

}  // namespace

GraphSummary summarize(const ir::Graph& graph) {
  GraphSummary s;
  s.ops = static_cast<int>(graph.ops().size());
  for (const auto id : graph.ops()) {
    const ir::Node& node = graph.node(id);
    const std::string kind(ir::name(node.kind));
    ++s.ops_by_kind[kind];
    if (has_dims(graph, node) && !ir::is_constant_like(node.kind) &&
        ir::factor_rule(graph, node).replicated_only())
      ++s.without_rule[kind];
    s.flops += ir::flops(graph, node);
  }
  s.arguments = bytes_of(graph, graph.args());
  s.results = bytes_of(graph, graph.results());
  std::vector<int> all(s.ops);
  std::iota(all.begin(), all.end(), 0);
  s.live = most_live(graph, all);
  return s;
}

StepSummary summarize(const step::JointStep& joint) {
  StepSummary s;
  const ir::Graph& graph = joint.graph;
  s.graph = summarize(graph);
  s.microbatches = joint.microbatches;
  for (size_t i = 0; i < joint.args.size(); ++i) {
    const ir::Type& type = graph.type(graph.args()[i]);
    const base::Bytes bytes(static_cast<double>(type.num_bytes()));
    if (joint.args[i].role == step::Role::kOptState) s.optimizer_bytes += bytes;
    if (joint.args[i].role != step::Role::kParam) continue;
    s.parameters += type.num_elements();
    s.parameter_bytes += bytes;
  }
  std::vector<int> microbatch;
  for (int i = 0; i < static_cast<int>(graph.ops().size()); ++i) {
    const ir::Node& node = graph.node(graph.ops()[i]);
    const base::Flops flops = ir::flops(graph, node);
    if (joint.phase[i] == step::Phase::kForward || joint.phase[i] == step::Phase::kBackward)
      microbatch.push_back(i);
    switch (joint.phase[i]) {
      case step::Phase::kForward:
        s.forward += flops * joint.microbatches;
        break;
      case step::Phase::kBackward:
        s.backward += flops * joint.microbatches;
        break;
      case step::Phase::kAccumulate:
        s.gradient_bytes += bytes_of(graph, std::vector{node.result()});
        break;
      case step::Phase::kApply:
        s.apply += flops;
        break;
    }
  }
  s.live = most_live(graph, microbatch);
  return s;
}

}  // namespace cordata::report
