// SPDX-License-Identifier: Apache-2.0
#include "tests/property/round.h"

#include <fmt/format.h>

#include <algorithm>

#include "cordata/base/error.h"
#include "cordata/ir/op_table.h"
#include "cordata/ir/text.h"

namespace cordata::property {
namespace {

using runtime::Buffer;
using runtime::Client;
using runtime::Deadline;
using sharding::Mesh;

constexpr size_t kTogether = 48;  // cases in a module: compiling costs more than running

Deadline soon() { return Deadline::after(base::Seconds(120)); }

HostTensor download(const Buffer& buffer, const Type& type) {
  std::vector<std::byte> bytes(buffer.num_bytes());
  buffer.download(bytes, soon());
  return from_bytes(type, bytes);
}

Buffer upload(const Client& client, const HostTensor& t, int device) {
  return client.upload(to_bytes(t).data(), t.type.dtype, t.type.shape, device);
}

// The op's operands too, which aren't all arguments.
ir::Graph with_operands(const Instance& instance) {
  ir::GraphBuilder b;
  std::vector<ValueId> args, all, map(instance.graph.num_values());
  for (ValueId v : instance.graph.args()) map[v.index] = b.arg(instance.graph.type(v));
  for (ir::NodeId n : instance.graph.ops()) b.clone(instance.graph, n, map);
  const ir::Node& op = instance.graph.node(instance.op);
  for (ValueId v : op.operands) all.push_back(map[v.index]);
  for (int i = 0; i < op.num_results; ++i) all.push_back(map[op.result(i).index]);
  return b.finish(all);
}

}  // namespace

const std::vector<Mesh>& meshes() {
  static const std::vector<Mesh> all = [] {
    std::vector<Mesh> m;
    for (std::vector<int64_t> shape : std::vector<std::vector<int64_t>>{
             {2}, {2, 2}, {3}, {2, 4}, {4}, {2, 3}, {8}, {4, 2}, {6}, {3, 2}, {5}, {2, 2}, {7}}) {
      m.push_back({shape, std::vector<sharding::AxisLink>(shape.size())});
    }
    return m;
  }();
  return all;
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
      if (op.kind == OpKind::kAccumulate) maps[i][op.result().index] = maps[i][op.operands[0].index];
      else b.clone(g, n, maps[i]);
    }
    for (ValueId v : g.results()) results.push_back(maps[i][v.index]);
  }
  return b.finish(results);
}

std::vector<Whole> draw_wholes(const Client& client, uint64_t seed, const Mesh& mesh) {
  std::vector<Whole> all;
  std::vector<ir::Graph> graphs;
  std::vector<Buffer> args;
  for (const auto& [kind, generator] : generators()) {
    uint64_t own = seed * 1000 + static_cast<uint64_t>(kind);
    Draw d(own, mesh.shape);
    all.push_back({generator(d, kind), own, {}, {}});
    const Instance& instance = all.back().instance;
    for (size_t i = 0; i < instance.ranges.size(); ++i) {
      args.push_back(upload(client, random_tensor(d, instance.graph.type(instance.graph.args()[i]), instance.ranges[i]), 0));
    }
    graphs.push_back(with_operands(instance));
  }
  std::vector<const ir::Graph*> pointers;
  std::vector<const Buffer*> in;
  for (const ir::Graph& g : graphs) pointers.push_back(&g);
  for (const Buffer& a : args) in.push_back(&a);
  auto out = client.compile(ir::write_module(together(pointers))).execute(in).results;
  size_t at = 0;
  for (size_t i = 0; i < all.size(); ++i) {
    size_t operands = all[i].instance.graph.node(all[i].instance.op).operands.size();
    for (size_t k = 0; k < graphs[i].results().size(); ++k) {
      HostTensor t = download(out[at++], graphs[i].type(graphs[i].results()[k]));
      (k < operands ? all[i].operands : all[i].results).push_back(std::move(t));
    }
  }
  return all;
}

const Client& Rounds::client(int64_t devices) {
  auto& c = clients_[devices];
  if (!c) c = std::make_unique<Client>(runtime::Plugin::load(runtime::plugin_path()), runtime::ClientOptions{.devices = static_cast<int>(devices)});
  return *c;
}

Tally Rounds::run(uint64_t seed, const Mesh& mesh) {
  Tally tally;
  std::vector<Whole> wholes = draw_wholes(client(mesh.size()), seed, mesh);
  std::vector<LocalCase> cases;
  std::vector<const Whole*> of;
  std::vector<char> counts;
  auto flush = [&] {
    if (!cases.empty()) run_together(cases, of, counts, mesh, seed, tally);
    cases.clear(), of.clear(), counts.clear();
  };
  for (const Whole& w : wholes) {
    const ir::Node& op = w.instance.graph.node(w.instance.op);
    ir::FactorRule rule = ir::factor_rule(w.instance.graph, op);
    auto planned = sharding::enumerate_strategies(rule, mesh), all = all_assignments(rule, mesh);
    std::ranges::sort(planned), std::ranges::sort(all);
    if (planned != all) {
      tally.failures.push_back(fmt::format("{}: {} of {} assignments are planned with, rule {} on mesh {}, seed {}", ir::name(op.kind),
                                           planned.size(), all.size(), ir::to_string(rule), to_string(mesh), w.seed));
    }
    for (const sharding::Strategy& s : planned) {
      if (s == sharding::Strategy{}) continue;
      try {
        LocalCase c = emit_case(w.instance, rule, s, mesh, partition::CollectiveMode::kNative, false);
        Verdict v = read_case(c, mesh);
        if (!v.wrong.empty()) tally.failures.push_back(fmt::format("{}: {}, seed {}", describe(c, mesh), v.wrong, w.seed));
        cases.push_back(std::move(c)), of.push_back(&w), counts.push_back(v.counts);
      } catch (const base::Error& e) {
        tally.failures.push_back(fmt::format("{} {} strategy {} on mesh {}: {}, seed {}", ir::name(op.kind), ir::to_string(rule),
                                             to_string(s, rule, mesh), to_string(mesh), e.what(), w.seed));
      }
      if (cases.size() == kTogether) flush();
    }
  }
  flush();
  return tally;
}

void Rounds::run_together(std::vector<LocalCase>& cases, const std::vector<const Whole*>& wholes, const std::vector<char>& counts,
                          const Mesh& mesh, uint64_t seed, Tally& tally) {
  const Client& c = client(mesh.size());
  std::vector<const ir::Graph*> graphs;
  std::vector<std::vector<Buffer>> args(mesh.size());
  Draw d(seed, {});
  for (size_t i = 0; i < cases.size(); ++i) {
    graphs.push_back(&cases[i].graph);
    for (size_t k = 0; k < wholes[i]->operands.size(); ++k) {
      auto parts = distribute(d, wholes[i]->operands[k], cases[i].operand(static_cast<int>(k)), mesh);
      for (int64_t device = 0; device < mesh.size(); ++device) args[device].push_back(upload(c, parts[device], static_cast<int>(device)));
    }
  }
  std::vector<std::vector<const Buffer*>> in(mesh.size());
  for (size_t device = 0; device < in.size(); ++device) {
    for (const Buffer& a : args[device]) in[device].push_back(&a);
  }
  auto runs = c.compile(ir::write_module(together(graphs)), static_cast<int>(mesh.size())).execute_all(in);
  size_t at = 0;
  for (size_t i = 0; i < cases.size(); ++i) {
    bool right = true;
    for (size_t k = 0; k < wholes[i]->results.size(); ++k, ++at) {
      const HostTensor& whole = wholes[i]->results[k];
      sharding::Sharding s = cases[i].result(static_cast<int>(k));
      std::vector<HostTensor> parts;
      for (const auto& run : runs) parts.push_back(download(run.results[at], sharding::local_type(whole.type, s, mesh)));
      if (auto wrong = difference(parts, whole, s, mesh)) {
        tally.failures.push_back(fmt::format("{}: {}, seed {}", describe(cases[i], mesh), *wrong, wholes[i]->seed));
        right = false;
      }
    }
    tally.cases += right;
    tally.counted += right && counts[i];
    tally.by_kind[cases[i].op().kind] += right && counts[i];
  }
}

}  // namespace cordata::property
