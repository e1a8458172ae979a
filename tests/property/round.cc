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
using sharding::Mesh;
using sharding::Strategy;

constexpr size_t kTogether = 48;  // different texts in a module: a module costs more than the ops in it

// `most` of them, in their order.
std::vector<Strategy> draw_some(std::vector<Strategy> all, size_t most, Draw d) {
  std::vector<Strategy> some;
  for (size_t left = all.size(), i = 0; i < all.size(); ++i, --left) {
    if (static_cast<size_t>(d.pick(0, static_cast<int64_t>(left) - 1)) < most - some.size())
      some.push_back(all[i]);
  }
  return some;
}

// What each device holds of each operand.
std::vector<std::vector<HostTensor>> operands_by_device(const Cut& c, const Mesh& mesh, Draw& d) {
  std::vector<std::vector<HostTensor>> out(mesh.size());
  for (size_t k = 0; k < c.whole->operands.size(); ++k) {
    auto parts = distribute(d, c.whole->operands[k], c.local.operand(static_cast<int>(k)), mesh);
    for (int64_t device = 0; device < mesh.size(); ++device) out[device].push_back(std::move(parts[device]));
  }
  return out;
}

// Cuts by what their texts say: those of one text are runs of one program on different operands.
std::vector<std::vector<const Cut*>> by_text(const std::vector<Cut>& cuts) {
  std::vector<std::vector<const Cut*>> groups;
  std::map<std::string_view, size_t> known;
  for (const Cut& c : cuts) {
    auto [it, fresh] = known.emplace(c.local.text, groups.size());
    if (fresh) groups.emplace_back();
    groups[it->second].push_back(&c);
  }
  return groups;
}

}  // namespace

void Tally::add(const Tally& other) {
  cases += other.cases, counted += other.counted, left_out += other.left_out;
  failures.insert(failures.end(), other.failures.begin(), other.failures.end());
  for (auto [kind, n] : other.by_kind) by_kind[kind] += n;
}

std::vector<Cut> cut(const Whole& whole, const Mesh& mesh, partition::CollectiveMode mode, size_t most,
                     Tally& tally) {
  const Instance& instance = whole.instance;
  const ir::Node& op = instance.graph.node(instance.op);
  ir::FactorRule rule = ir::factor_rule(instance.graph, op);
  auto fail = [&](const std::string& what) {
    tally.failures.push_back(fmt::format("{} {} on mesh {}, seed {}: {}", ir::name(op.kind),
                                         ir::to_string(rule), to_string(mesh), whole.seed, what));
  };
  auto planned = sharding::enumerate_strategies(rule, mesh), all = all_assignments(rule, mesh);
  std::ranges::sort(planned), std::ranges::sort(all);
  if (planned != all) fail(fmt::format("{} of {} assignments are planned with", planned.size(), all.size()));
  std::erase(planned, Strategy{});
  auto chosen = planned.size() <= most ? planned : draw_some(planned, most, Draw(whole.seed, {}));
  tally.left_out += static_cast<int64_t>(planned.size() - chosen.size());
  std::vector<Cut> cuts;
  for (const Strategy& s : chosen) {
    try {
      LocalCase c = emit_case(instance, rule, s, mesh, mode, false);
      Verdict v = read_case(c, mesh);
      if (!v.wrong.empty())
        fail(fmt::format("strategy {}: {}", to_string(s, rule, mesh), v.wrong));
      else
        cuts.push_back({std::move(c), &whole, v.counts});
    } catch (const base::Error& e) {
      fail(fmt::format("strategy {}: {}", to_string(s, rule, mesh), e.what()));
    }
  }
  return cuts;
}

const Client& Rounds::client(int64_t devices) {
  auto& c = clients_[devices];
  if (!c)
    c = std::make_unique<Client>(runtime::Plugin::load(runtime::plugin_path()),
                                 runtime::ClientOptions{.devices = static_cast<int>(devices)});
  return *c;
}

Tally Rounds::run(uint64_t seed, const Mesh& mesh) {
  Tally tally;
  auto wholes = draw_wholes(seed, mesh);
  compute(client(mesh.size()), wholes);
  std::vector<Cut> waiting;
  for (const auto& w : wholes) {
    for (Cut& c : cut(*w, mesh, partition::CollectiveMode::kNative, most_per_op_, tally))
      waiting.push_back(std::move(c));
    if (by_text(waiting).size() < kTogether && w != wholes.back()) continue;
    if (!waiting.empty()) run_together(waiting, mesh, seed, tally);
    waiting.clear();
  }
  return tally;
}

// Compiles each text once. A run takes one cut of each; where a text has fewer cuts than another, its last
// one again.
void Rounds::run_together(const std::vector<Cut>& cuts, const Mesh& mesh, uint64_t seed, Tally& tally) {
  const Client& c = client(mesh.size());
  const auto groups = by_text(cuts);
  std::vector<const ir::Graph*> graphs;
  size_t runs = 0;
  for (const auto& group : groups)
    graphs.push_back(&group[0]->local.graph), runs = std::max(runs, group.size());
  auto executable = c.compile(ir::write_module(together(graphs)), static_cast<int>(mesh.size()));
  Draw d(seed, {});
  for (size_t run = 0; run < runs; ++run) {
    std::vector<std::vector<Buffer>> args(mesh.size());
    for (const auto& group : groups) {
      auto held = operands_by_device(*group[std::min(run, group.size() - 1)], mesh, d);
      for (int64_t device = 0; device < mesh.size(); ++device) {
        for (const HostTensor& t : held[device])
          args[device].push_back(upload(c, t, static_cast<int>(device)));
      }
    }
    std::vector<std::vector<const Buffer*>> in(mesh.size());
    for (size_t device = 0; device < in.size(); ++device) {
      for (const Buffer& a : args[device]) in[device].push_back(&a);
    }
    auto done = executable.execute_all(in);
    size_t at = 0;
    for (const auto& group : groups) {
      size_t results = group[0]->whole->results.size();
      at += results;
      if (run >= group.size()) continue;
      const Cut& cut = *group[run];
      std::vector<std::vector<HostTensor>> got(results);  // by result, by device
      for (size_t k = 0; k < results; ++k) {
        Type local =
            sharding::local_type(cut.whole->results[k].type, cut.local.result(static_cast<int>(k)), mesh);
        for (const auto& device : done) got[k].push_back(download(device.results[at - results + k], local));
      }
      tally.judge(cut, got, mesh);
    }
  }
}

void Tally::judge(const Cut& cut, const std::vector<std::vector<HostTensor>>& got, const Mesh& mesh,
                  bool joined) {
  for (size_t k = 0; k < got.size(); ++k) {
    sharding::Sharding held = joined ? sharding::Sharding{} : cut.local.result(static_cast<int>(k));
    if (auto wrong = difference(got[k], cut.whole->results[k], held, mesh)) {
      failures.push_back(fmt::format("{}: {}, seed {}", describe(cut.local, mesh), *wrong, cut.whole->seed));
      return;
    }
  }
  ++cases;
  counted += cut.counts;
  by_kind[cut.local.op().kind] += cut.counts;
}

}  // namespace cordata::property
