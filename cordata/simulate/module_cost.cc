// SPDX-License-Identifier: Apache-2.0
#include "cordata/simulate/module_cost.h"

#include <algorithm>
#include <map>
#include <set>

#include "cordata/base/error.h"
#include "cordata/cluster/topology.h"
#include "cordata/cost/lifetimes.h"
#include "cordata/cost/meshes.h"
#include "cordata/cost/op_time.h"
#include "cordata/ir/op_table.h"
#include "cordata/ir/text.h"
#include "cordata/sharding/reshard.h"

namespace cordata::simulate {
namespace {

// Memory that values of a module are put into: in buffers of donated arguments that were copied and wait for
// their new value, where one of the value's size is free, else in memory of its own.
class Places {
 public:
  void lend(int64_t bytes) { ++free_[bytes]; }
  void take_back(int64_t bytes) { --free_[bytes]; }

  // Whether it is in a lent buffer.
  bool put(int64_t bytes) {
    const auto at = free_.find(bytes);
    if (at != free_.end() && at->second > 0) return --at->second, true;
    live_ += bytes;
    peak_ = std::max(peak_, live_);
    return false;
  }
  void drop(int64_t bytes, bool lent) {
    if (lent)
      ++free_[bytes];
    else
      live_ -= bytes;
  }
  int64_t peak() const { return peak_; }

 private:
  std::map<int64_t, int> free_;  // by size; below 0 where a new value came while its buffer was in use
  int64_t live_ = 0, peak_ = 0;
};

struct Value {
  int64_t bytes;
  bool lent;
};

bool writes_over_operand(const ir::Node& node) {
  return ir::Graph::find_attr(node, "output_operand_aliases") != nullptr;
}

// The peak of what lives between ops, by cost::lifetimes: a value lives from its op to the last one that
// reads its memory; a loop writes in the place of an operand of its size that dies there. Results in donated
// arguments' buffers take nothing, but for arguments that are copied first.
int64_t transient_bytes(const ir::Graph& graph, const std::vector<int>& alias) {
  const auto ops = graph.ops();
  const int end = static_cast<int>(ops.size());
  const auto lives = cost::lifetimes(graph, alias);
  const auto copied = cost::copied_arguments(graph, alias);
  std::vector<char> held = lives.written;
  std::vector<char> renews(graph.num_values(), 0);  // takes back the buffer of an argument that was copied
  std::vector<std::vector<Value>> dies(end + 1);    // by op
  Places places;
  for (size_t a = 0; a < alias.size(); ++a) {
    if (alias[a] < 0) continue;
    held[graph.results()[alias[a]].index] = 0;
    renews[graph.results()[alias[a]].index] = copied[a];
  }
  for (size_t a = 0; a < copied.size(); ++a) {
    if (!copied[a]) continue;
    const int64_t bytes = graph.type(graph.args()[a]).num_bytes();
    const bool lent = places.put(bytes);
    const auto maker = graph.value(graph.results()[alias[a]]).def;
    if (!ir::is_constant_like(graph.node(maker).kind))
      places.lend(bytes);  // a constant is there from the start
    dies[std::max(0, lives.last_read[graph.args()[a].index])].push_back({bytes, lent});
  }
  std::vector<std::vector<const cost::Lifetimes::Copy*>> copies(end + 1);
  for (const auto& c : lives.copies) copies[c.from].push_back(&c);
  for (int i = 0; i < end; ++i) {
    const ir::Node& node = graph.node(ops[lives.order[i]]);
    for (int r = 0; r < node.num_results; ++r) {
      const int v = node.result(r).index;
      const int64_t bytes = graph.type(node.result(r)).num_bytes();
      if (renews[v]) places.take_back(bytes);
      if (!held[v] || bytes == 0) continue;
      auto& here = dies[i];
      const auto over =
          std::find_if(here.begin(), here.end(), [&](const Value& d) { return d.bytes == bytes; });
      Value value{bytes, false};
      if ((lives.in_place[lives.order[i]] || writes_over_operand(node)) && over != here.end()) {
        value = *over;
        here.erase(over);
      } else {
        value.lent = places.put(bytes);
      }
      dies[std::max(i, lives.last_read[v])].push_back(value);
    }
    for (const auto* c : copies[i]) {
      const int64_t bytes = graph.type(c->value).num_bytes();
      dies[c->to].push_back({bytes, places.put(bytes)});
    }
    for (const Value& v : dies[i]) places.drop(v.bytes, v.lent);
  }
  return places.peak();
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
  cost.transient = base::Bytes(static_cast<double>(transient_bytes(graph, module.alias)));
  for (const auto& call : cost.collectives) {
    cost.packed = std::max(cost.packed, call.packed);
    cost.received = std::max(cost.received, call.received);
  }
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
  const auto packing = sharding::packing_seconds({call.packed, call.received}, cost::copy_rate(c, rank, 1));
  const auto sums = cost::sum_rate(c, rank, 1);
  const int64_t each = hosts.begin()->second;
  const bool even = std::all_of(hosts.begin(), hosts.end(), [&](const auto& h) { return h.second == each; });
  if (hosts.size() == 1 || each == 1 || !even)
    return packing + sharding::collective_seconds(call.kind, bytes, 1,
                                                  {{static_cast<int64_t>(group.size())}, {across}, {}, sums});
  const sharding::AxisLink within = axis_link(c, parts_within_hosts(groups, c));
  return packing +
         sharding::collective_seconds(
             call.kind, bytes, 3, {{static_cast<int64_t>(hosts.size()), each}, {across, within}, {}, sums});
}

}  // namespace cordata::simulate
