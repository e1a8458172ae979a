// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <map>
#include <set>
#include <tuple>

#include "cordata/base/error.h"
#include "cordata/ir/op_table.h"
#include "cordata/plan/plan.h"

namespace cordata::plan {

namespace {

using ir::ValueId;
using sharding::Sharding;
using step::Pass;
using step::Phase;

using Key = std::tuple<std::string, int, uint32_t, double>;  // kind, stage, axes, bytes
using Counts = std::map<Key, int64_t>;

// Counts one stage's collectives by the rules of plan.h, without a program.
class StageBill {
 public:
  StageBill(const step::StageGraph& stage, const Stage& plan, int index, int microbatches, Counts& counts)
      : stage_(stage),
        graph_(stage.graph),
        plan_(plan),
        index_(index),
        microbatches_(microbatches),
        counts_(counts),
        pass_(graph_.num_values()),
        is_argument_(graph_.num_values(), false),
        accumulated_(graph_.num_values(), false),
        home_(graph_.num_values()) {
    for (const Hub& h : plan.sharding.hubs) hubs_[{h.value, h.pass}] = h.sharding;
  }

  void count() {
    for (size_t i = 0; i < graph_.args().size(); ++i) {
      is_argument_[graph_.args()[i].index] = true;
      home_[graph_.args()[i].index] = plan_.sharding.args[i];
    }
    Pass last{};
    for (size_t p = 0; p < graph_.ops().size(); ++p) {
      const ir::Node& node = graph_.node(graph_.ops()[p]);
      Pass pass = node.kind == ir::OpKind::kAccumulate ? Pass{Phase::kBackward, 0} : stage_.pass[p];
      last = std::max(last, pass);
      count_op(node, plan_.sharding.ops[p], pass);
    }
    // What was accumulated, and arguments handed through, are delivered once a step.
    if (last.phase != Phase::kApply) last = Pass{Phase::kApply, 0};
    for (size_t i = 0; i < graph_.results().size(); ++i) {
      ValueId v = graph_.results()[i];
      Pass pass = is_argument_[v.index]   ? last
                  : accumulated_[v.index] ? Pass{Phase::kApply, 0}
                                          : pass_[v.index];
      read(v, pass, plan_.sharding.results[i]);
    }
  }

 private:
  void count_op(const ir::Node& node, const sharding::Strategy& strategy, Pass pass) {
    ir::FactorRule rule = ir::factor_rule(graph_, node);
    for (size_t i = 0; i < node.operands.size(); ++i) {
      if (rule.awaits(i)) continue;
      read(node.operands[i], pass, operand_sharding(rule, strategy, static_cast<int>(i)));
    }
    if (!node.regions.empty()) {
      for (ValueId v : ir::captures(graph_, node)) read(v, pass, Sharding{});
    }
    for (int i = 0; i < node.num_results; ++i) {
      ValueId v = node.result(i);
      pass_[v.index] = pass;
      accumulated_[v.index] = node.kind == ir::OpKind::kAccumulate;
      home_[v.index] = result_sharding(rule, strategy, i);
      if (auto hub = hubs_.find({v.index, pass}); hub != hubs_.end()) {
        pay(v, pass, home_[v.index], hub->second);
        home_[v.index] = hub->second;
      }
    }
  }

  void read(ValueId v, Pass pass, const Sharding& wanted) {
    Sharding from = home_[v.index];
    bool elsewhere = is_argument_[v.index] || pass_[v.index] != pass;
    if (auto hub = hubs_.find({v.index, pass}); elsewhere && hub != hubs_.end()) {
      pay_once(v, pass, from, hub->second);
      from = hub->second;
    }
    pay_once(v, pass, from, wanted);
  }

  void pay_once(ValueId v, Pass pass, const Sharding& from, const Sharding& to) {
    if (from != to && paid_.insert({v.index, pass, to}).second) pay(v, pass, from, to);
  }

  void pay(ValueId v, Pass pass, const Sharding& from, const Sharding& to) {
    auto path = sharding::reshard_path(graph_.type(v), from, to, plan_.mesh);
    if (!path) {
      throw base::user_error(
          "[plan.bill] wanted shardings of stage {} that can be reached from each other, got {} to {} for "
          "value {}",
          index_, to_string(from, graph_.type(v), plan_.mesh), to_string(to, graph_.type(v), plan_.mesh),
          v.index);
    }
    for (const sharding::ReshardStep& s : *path) {
      if (is_local(s.kind)) continue;
      counts_[{std::string(name(s.kind)), index_, s.axes, s.bytes.value}] +=
          pass.phase == Phase::kApply ? 1 : microbatches_;
    }
  }

  const step::StageGraph& stage_;
  const ir::Graph& graph_;
  const Stage& plan_;
  int index_, microbatches_;
  Counts& counts_;
  std::vector<Pass> pass_;
  std::vector<char> is_argument_, accumulated_;
  std::vector<Sharding> home_;  // K
  std::map<std::pair<int, Pass>, Sharding> hubs_;
  std::set<std::tuple<int, Pass, Sharding>> paid_;
};

// Every device of the receiving stage is sent the block it holds, whoever sends the pieces.
void count_transfer(const step::Transfer& t, const Plan& plan, Counts& counts) {
  const Stage& to = plan.stages[t.to_stage];
  ir::Type local = local_type(t.type, to.sharding.args[t.to_arg], to.mesh);
  double bytes = static_cast<double>(local.num_bytes() * to.mesh.size());
  counts[{"send", t.from_stage, 0u, bytes}] += t.sent_after.phase == Phase::kApply ? 1 : plan.microbatches;
}

// Rank 0 reports the loss: the first device of a stage that it isn't sends it there.
void count_loss(const Plan& plan, const step::Cut& cut, Counts& counts) {
  for (size_t s = 0; s < cut.stages.size(); ++s) {
    const step::StageGraph& stage = cut.stages[s];
    for (size_t r = 0; r < stage.results.size(); ++r) {
      if (stage.results[r].kind != step::ResultKind::kLoss || plan.stages[s].ranks[0] == 0) continue;
      const auto bytes = static_cast<double>(stage.graph.type(stage.graph.results()[r]).num_bytes());
      counts[{"send", static_cast<int>(s), 0u, bytes}] += 1;
    }
  }
}

}  // namespace

std::vector<BillLine> bill(const Plan& plan, const step::Cut& cut) {
  Counts counts;
  for (size_t s = 0; s < cut.stages.size(); ++s) {
    StageBill(cut.stages[s], plan.stages[s], static_cast<int>(s), plan.microbatches, counts).count();
  }
  for (const step::Transfer& t : cut.transfers) count_transfer(t, plan, counts);
  count_loss(plan, cut, counts);
  std::vector<BillLine> lines;
  for (const auto& [key, count] : counts) {
    auto [kind, stage, axes, bytes] = key;
    lines.push_back({.kind = kind, .stage = stage, .axes = axes, .bytes = bytes, .count = count});
  }
  return lines;
}

}  // namespace cordata::plan
