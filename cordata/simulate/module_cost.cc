// SPDX-License-Identifier: Apache-2.0
#include "cordata/simulate/module_cost.h"

#include <algorithm>
#include <set>

#include "cordata/base/error.h"
#include "cordata/cluster/topology.h"
#include "cordata/cost/op_time.h"
#include "cordata/ir/op_table.h"
#include "cordata/ir/text.h"
#include "cordata/sharding/reshard.h"

namespace cordata::simulate {
namespace {

// A barrier of several values, whose results are its operands.
bool hands_on(const ir::Node& node) {
  return node.kind == ir::OpKind::kOptimizationBarrier && node.operands.size() > 1;
}

// The peak of what lives between ops. A value lives from its op to its last reader; fused values are never
// written; an op whose operand dies there and is as large writes in its place, as compilers do with
// elementwise ops.
int64_t transient_bytes(const ir::Graph& graph, const std::vector<cost::OpTime>& times,
                        const std::vector<int>& alias) {
  const auto ops = graph.ops();
  const int never = -1, end = static_cast<int>(ops.size());
  std::vector<int> last(graph.num_values(), never);
  std::vector<char> held(graph.num_values(), 0);  // takes memory of its own
  for (int i = 0; i < end; ++i) {
    const ir::Node& node = graph.node(ops[i]);
    for (ir::ValueId v : node.operands) last[v.index] = i;
    if (!node.regions.empty())
      for (ir::ValueId v : ir::captures(graph, node)) last[v.index] = i;
    for (int r = 0; r < node.num_results; ++r)
      held[node.result(r).index] = !times[i].fused && !hands_on(node) && !ir::is_constant_like(node.kind);
  }
  // What is handed on is held as long as anybody reads it under its new name.
  for (int i = end - 1; i >= 0; --i) {
    const ir::Node& node = graph.node(ops[i]);
    for (int r = 0; r < node.num_results && hands_on(node); ++r)
      last[node.operands[r].index] = std::max(last[node.operands[r].index], last[node.result(r).index]);
  }
  std::set<int> given(alias.begin(), alias.end());
  for (size_t r = 0; r < graph.results().size(); ++r) {
    const int v = graph.results()[r].index;
    last[v] = end;
    if (given.count(static_cast<int>(r))) held[v] = 0;  // in the donated argument's buffer
  }
  int64_t live = 0, peak = 0;
  for (int i = 0; i < end; ++i) {
    const ir::Node& node = graph.node(ops[i]);
    int64_t dies = 0, largest = 0, made = 0;
    std::set<int> dead;
    for (ir::ValueId v : node.operands)
      if (held[v.index] && last[v.index] == i && graph.value(v).def.valid() && dead.insert(v.index).second) {
        dies += graph.type(v).num_bytes();
        largest = std::max(largest, graph.type(v).num_bytes());
      }
    for (int r = 0; r < node.num_results; ++r)
      if (held[node.result(r).index]) made += graph.type(node.result(r)).num_bytes();
    const bool in_place = node.num_results == 1 && largest >= made;
    peak = std::max(peak, live + (in_place ? 0 : made));
    live += made - dies;
    for (int r = 0; r < node.num_results; ++r)  // nobody reads it
      if (held[node.result(r).index] && last[node.result(r).index] == never)
        live -= graph.type(node.result(r)).num_bytes();
  }
  return std::max(peak, live);
}

bool holds(const ir::Graph& graph, ir::NodeId op, ir::NodeId inner) {
  if (op == inner) return true;
  for (ir::RegionId r : graph.node(op).regions)
    for (ir::NodeId id : graph.region(r).nodes)
      if (holds(graph, id, inner)) return true;
  return false;
}

}  // namespace

ModuleCost module_cost(const program::ModuleText& module, const cluster::Device& device) {
  const ir::Graph graph = ir::read_module(module.text, module.name);
  const auto times = cost::op_times(graph, device);
  ModuleCost cost;
  cost.collectives = program::collective_calls(graph);
  cost.flops = ir::flops(graph);
  cost.transient = base::Bytes(static_cast<double>(transient_bytes(graph, times, module.alias)));
  base::Seconds compute{0};
  size_t next = 0;
  for (size_t i = 0; i < graph.ops().size(); ++i) {
    const bool is_collective =
        next < cost.collectives.size() && cost.collectives[next].node == graph.ops()[i];
    if (!is_collective) compute += base::Seconds(times[i].seconds + times[i].launch);
    for (; next < cost.collectives.size() && holds(graph, graph.ops()[i], cost.collectives[next].node);
         ++next) {
      cost.compute.push_back(compute);
      compute = {};
    }
  }
  cost.compute.push_back(compute);
  return cost;
}

std::vector<int> group_of(const program::Program& program, int comm, int rank) {
  if (comm < 0) {
    std::vector<int> stage;
    for (const auto& r : program.ranks)
      if (r.stage == program.ranks[rank].stage) stage.push_back(r.rank);
    return stage;
  }
  if (comm < static_cast<int>(program.communicators.size()))
    for (const auto& group : program.communicators[comm])
      if (std::find(group.begin(), group.end(), rank) != group.end()) return group;
  throw base::internal_error("[simulate] wanted rank {} in communicator {}, got none of {}", rank, comm,
                             program.communicators.size());
}

namespace {

std::map<int, int64_t> ranks_by_host(const std::vector<int>& group, const cluster::Cluster& c) {
  std::map<int, int64_t> hosts;
  for (int r : group) ++hosts[r / c.devices_per_host];
  return hosts;
}

// All groups of the communicator: they talk at once.
cluster::Groups groups_of(const program::Program& program, int comm, const std::vector<int>& mine) {
  if (comm < 0) return {mine};
  return program.communicators[comm];
}

// The parts of the groups that lie within one host, each a ring of its own.
cluster::Groups parts_within_hosts(const cluster::Groups& groups, const cluster::Cluster& c) {
  cluster::Groups parts;
  for (const auto& group : groups) {
    std::map<int, std::vector<int>> by_host;
    for (const int r : group) by_host[c.host_of(r)].push_back(r);
    for (auto& [host, part] : by_host) parts.push_back(std::move(part));
  }
  return parts;
}

sharding::AxisLink axis_link(const cluster::Cluster& c, const cluster::Groups& groups) {
  const cluster::Link link = cluster::ring_link(c, groups);
  return {link.alpha, link.bandwidth};
}

}  // namespace

base::Seconds collective_time(const program::CollectiveCall& call, const program::Program& program, int rank,
                              const cluster::Cluster& c) {
  const std::vector<int> group = group_of(program, call.comm, rank);
  const cluster::Groups groups = groups_of(program, call.comm, group);
  const auto hosts = ranks_by_host(group, c);
  const base::Bytes bytes(static_cast<double>(call.bytes));
  const sharding::AxisLink across = axis_link(c, groups);
  const int64_t each = hosts.begin()->second;
  const bool even = std::all_of(hosts.begin(), hosts.end(), [&](const auto& h) { return h.second == each; });
  if (hosts.size() == 1 || each == 1 || !even)
    return sharding::collective_seconds(call.kind, bytes, 1,
                                        {{static_cast<int64_t>(group.size())}, {across}});
  const sharding::AxisLink within = axis_link(c, parts_within_hosts(groups, c));
  return sharding::collective_seconds(call.kind, bytes, 3,
                                      {{static_cast<int64_t>(hosts.size()), each}, {across, within}});
}

}  // namespace cordata::simulate
