// SPDX-License-Identifier: Apache-2.0
#include "tests/property/whole.h"

#include <algorithm>

#include "cordata/ir/op_table.h"
#include "cordata/ir/text.h"

namespace cordata::property {
namespace {

using runtime::Buffer;
using runtime::Client;
using sharding::Mesh;

// The op's operands too, which aren't all arguments.
ir::Graph with_operands(const Instance& instance) {
  ir::GraphBuilder b;
  std::vector<ValueId> all, map(instance.graph.num_values());
  for (ValueId v : instance.graph.args()) map[v.index] = b.arg(instance.graph.type(v));
  for (ir::NodeId n : instance.graph.ops()) b.clone(instance.graph, n, map);
  const ir::Node& op = instance.graph.node(instance.op);
  for (ValueId v : op.operands) all.push_back(map[v.index]);
  for (int i = 0; i < op.num_results; ++i) all.push_back(map[op.result(i).index]);
  return b.finish(all);
}

bool can_be_cut(const Instance& instance, const Mesh& mesh) {
  ir::FactorRule rule = ir::factor_rule(instance.graph, instance.graph.node(instance.op));
  return std::ranges::any_of(sharding::enumerate_strategies(rule, mesh), [](const sharding::Strategy& s) {
    return std::ranges::any_of(s.use, [](sharding::AxisUse use) { return use >= 0; });
  });
}

std::unique_ptr<Whole> draw(uint64_t seed, OpKind kind, const Mesh& mesh) {
  for (uint64_t attempt = 0;; ++attempt) {
    uint64_t own = (seed * 1000 + static_cast<uint64_t>(kind)) * 100 + attempt;
    Draw d(own, mesh.shape);
    auto whole = std::make_unique<Whole>(Whole{generators().at(kind)(d, kind), own, {}, {}, {}});
    if (attempt < 20 && !can_be_cut(whole->instance, mesh)) continue;
    const ir::Graph& graph = whole->instance.graph;
    for (size_t i = 0; i < graph.args().size(); ++i) {
      whole->args.push_back(random_tensor(d, graph.type(graph.args()[i]), whole->instance.ranges[i]));
    }
    return whole;
  }
}

}  // namespace

const std::vector<Mesh>& meshes() {
  static const std::vector<Mesh> all = [] {
    std::vector<Mesh> m;
    for (std::vector<int64_t> shape : std::vector<std::vector<int64_t>>{
             {2}, {2, 2}, {3}, {2, 4}, {4}, {2, 3}, {8}, {4, 2}, {6}, {3, 2}, {5}, {7}}) {
      m.push_back({shape, std::vector<sharding::AxisLink>(shape.size())});
    }
    return m;
  }();
  return all;
}

HostTensor download(const Buffer& buffer, const Type& type) {
  std::vector<std::byte> bytes(buffer.num_bytes());
  buffer.download(bytes, runtime::Deadline::after(base::Seconds(120)));
  return from_bytes(type, bytes);
}

Buffer upload(const Client& client, const HostTensor& t, int device) {
  return client.upload(to_bytes(t).data(), t.type.dtype, t.type.shape, device);
}

ir::Graph together(const std::vector<const ir::Graph*>& graphs) {
  ir::GraphBuilder b;
  std::vector<std::vector<ValueId>> maps;
  std::vector<ValueId> results;
  for (const ir::Graph* g : graphs) {
    maps.emplace_back(g->num_values());
    for (ValueId v : g->args()) maps.back()[v.index] = b.arg(g->type(v));
  }
  for (size_t i = 0; i < graphs.size(); ++i) {
    const ir::Graph& g = *graphs[i];
    for (ir::NodeId n : g.ops()) {
      const ir::Node& op = g.node(n);
      if (op.kind == OpKind::kAccumulate || op.kind == OpKind::kAfter)
        maps[i][op.result().index] = maps[i][op.operands[0].index];
      else
        b.clone(g, n, maps[i]);
    }
    for (ValueId v : g.results()) results.push_back(maps[i][v.index]);
  }
  return b.finish(results);
}

std::vector<std::unique_ptr<Whole>> draw_wholes(uint64_t seed, const Mesh& mesh,
                                                const std::vector<OpKind>& kinds) {
  std::vector<std::unique_ptr<Whole>> all;
  for (OpKind kind : kinds) all.push_back(draw(seed, kind, mesh));
  if (!kinds.empty()) return all;
  for (const auto& [kind, generator] : generators()) all.push_back(draw(seed, kind, mesh));
  return all;
}

void compute(const Client& client, const std::vector<std::unique_ptr<Whole>>& wholes) {
  std::vector<ir::Graph> graphs;
  std::vector<Buffer> args;
  for (const auto& w : wholes) {
    for (const HostTensor& t : w->args) args.push_back(upload(client, t));
    graphs.push_back(with_operands(w->instance));
  }
  std::vector<const ir::Graph*> pointers;
  std::vector<const Buffer*> in;
  for (const ir::Graph& g : graphs) pointers.push_back(&g);
  for (const Buffer& a : args) in.push_back(&a);
  auto out = client.compile(ir::write_module(together(pointers))).execute(in).results;
  size_t at = 0;
  for (size_t i = 0; i < wholes.size(); ++i) {
    size_t operands = wholes[i]->instance.graph.node(wholes[i]->instance.op).operands.size();
    for (size_t k = 0; k < graphs[i].results().size(); ++k) {
      HostTensor t = download(out[at++], graphs[i].type(graphs[i].results()[k]));
      (k < operands ? wholes[i]->operands : wholes[i]->results).push_back(std::move(t));
    }
  }
}

}  // namespace cordata::property
