// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <set>
#include <tuple>

#include "cordata/base/error.h"
#include "cordata/ir/op_table.h"
#include "cordata/plan/plan.h"

namespace cordata::plan {
namespace {

void check_shape(const Plan& plan, const step::JointStep& joint) {
  if (plan.microbatches != joint.microbatches)
    throw base::user_error("[plan] microbatches: wanted {}, as the step was built, got {}",
                           joint.microbatches, plan.microbatches);
  if (plan.stages.empty()) throw base::user_error("[plan] stages: wanted one or more, got none");
  int layer = 0;
  std::set<int> seen;
  for (size_t s = 0; s < plan.stages.size(); ++s) {
    const Stage& stage = plan.stages[s];
    if (stage.first_layer != layer || stage.num_layers < 1)
      throw base::user_error("[plan] stages[{}].layers: wanted to begin with layer {}, got {}", s, layer,
                             stage.first_layer);
    layer += stage.num_layers;
    if (static_cast<int64_t>(stage.ranks.size()) != stage.mesh.size())
      throw base::user_error("[plan] stages[{}].ranks: wanted {}, got {}", s, stage.mesh.size(),
                             stage.ranks.size());
    for (const int r : stage.ranks) {
      if (r < 0 || r >= plan.cluster.num_devices())
        throw base::user_error("[plan] stages[{}].ranks: wanted devices 0 to {}, got {}", s,
                               plan.cluster.num_devices() - 1, r);
      if (!seen.insert(r).second)
        throw base::user_error("[plan] stages[{}].ranks: device {} stands in two places", s, r);
    }
  }
  if (layer != plan.num_layers)
    throw base::user_error("[plan] stages: wanted layers up to {}, got up to {}", plan.num_layers - 1,
                           layer - 1);
}

bool legal(const sharding::Strategy& s, const ir::FactorRule& rule, const sharding::Mesh& mesh) {
  if (s == sharding::Strategy{}) return true;
  const auto all = sharding::enumerate_strategies(rule, mesh);
  return std::find(all.begin(), all.end(), s) != all.end();
}

bool fits_type(const ir::Type& type, const sharding::Sharding& s, const sharding::Mesh& mesh) {
  for (int a = 0; a < sharding::kMaxAxes; ++a) {
    if (s.at[a] >= 0 && s.at[a] >= type.rank()) return false;
    if (s.at[a] != sharding::kReplicated && a >= mesh.num_axes()) return false;
  }
  return sharding::fits(type, s, mesh);
}

// Follows every value of a stage as plan.h's Hub says, and asks that each reshard exists.
class StageCheck {
 public:
  StageCheck(int index, const Stage& stage, const step::StageGraph& graph)
      : index_(index), stage_(stage), graph_(graph) {}

  void run() {
    counts();
    home_.resize(graph_.graph.num_values());
    made_.resize(graph_.graph.num_values());
    for (size_t a = 0; a < graph_.args.size(); ++a) {
      const auto v = graph_.graph.args()[a];
      if (!fits_type(graph_.graph.type(v), stage_.sharding.args[a], stage_.mesh) ||
          sharding::has_partial(stage_.sharding.args[a]))
        wrong("args", a, "a sharding that fits " + ir::to_string(graph_.graph.type(v)));
      home_[v.index] = stage_.sharding.args[a];
    }
    for (size_t i = 0; i < graph_.pass.size(); ++i) op(i);
    for (size_t r = 0; r < graph_.results.size(); ++r) {
      const auto v = graph_.graph.results()[r];
      const auto& to = stage_.sharding.results[r];
      if (!fits_type(graph_.graph.type(v), to, stage_.mesh))
        wrong("results", r, "a sharding that fits " + ir::to_string(graph_.graph.type(v)));
      reach(v, made_[v.index].value_or(step::Pass{}), to, "results", r);
    }
  }

 private:
  void counts() const {
    const auto same = [&](const char* key, size_t got, size_t want) {
      if (got != want)
        throw base::user_error(
            "[plan] stages[{}].{}: wanted {}, as this model's stage has, got {}; was the plan made for "
            "another model?",
            index_, key, want, got);
    };
    same("ops", stage_.sharding.ops.size(), graph_.graph.ops().size());
    same("args", stage_.sharding.args.size(), graph_.graph.args().size());
    same("results", stage_.sharding.results.size(), graph_.graph.results().size());
    for (size_t h = 0; h < stage_.sharding.hubs.size(); ++h) {
      const Hub& hub = stage_.sharding.hubs[h];
      if (hub.value < 0 || hub.value >= graph_.graph.num_values()) wrong("hubs", h, "a value of the stage");
      if (!fits_type(graph_.graph.type(ir::ValueId(hub.value)), hub.sharding, stage_.mesh))
        wrong("hubs", h, "a sharding that fits its value");
    }
  }

  void op(size_t i) {
    const ir::Node& node = graph_.graph.node(graph_.graph.ops()[i]);
    const auto rule = ir::factor_rule(graph_.graph, node);
    const auto& strategy = stage_.sharding.ops[i];
    if (!legal(strategy, rule, stage_.mesh))
      wrong("ops", i, "a strategy of " + std::string(ir::name(node.kind)) + " that divides its dims");
    for (size_t k = 0; k < node.operands.size(); ++k)
      if (graph_.graph.type(node.operands[k]).is_tensor() && k < rule.operands.size() && !rule.awaits(k))
        reach(node.operands[k], graph_.pass[i],
              sharding::operand_sharding(rule, strategy, static_cast<int>(k)), "ops", i);
    for (int r = 0; r < node.num_results; ++r) {
      if (r < static_cast<int>(rule.results.size()))
        home_[node.result(r).index] = sharding::result_sharding(rule, strategy, r);
      made_[node.result(r).index] = graph_.pass[i];
    }
  }

  const sharding::Sharding* hub(ir::ValueId v, const step::Pass& pass) const {
    for (const auto& h : stage_.sharding.hubs)
      if (h.value == v.index && h.pass == pass) return &h.sharding;
    return nullptr;
  }

  void reach(ir::ValueId v, const step::Pass& pass, const sharding::Sharding& to, const char* key,
             size_t i) const {
    sharding::Sharding from = home_[v.index];
    if (made_[v.index])
      if (const auto* k = hub(v, *made_[v.index])) from = *k;
    if (const auto* h = hub(v, pass)) from = *h;
    if (from == to || !sharding::has_partial(to)) return;
    if (!sharding::reshard_path(graph_.graph.type(v), from, to, stage_.mesh))
      wrong(key, i, "a sharding its operands can be brought to");
  }

  [[noreturn]] void wrong(const char* key, size_t i, const std::string& wanted) const {
    throw base::user_error("[plan] stages[{}].{}[{}]: wanted {}; was the plan edited?", index_, key, i,
                           wanted);
  }

  int index_;
  const Stage& stage_;
  const step::StageGraph& graph_;
  std::vector<sharding::Sharding> home_;
  std::vector<std::optional<step::Pass>> made_;
};

// The bill is what the shardings mean, and nothing else.
void check_bill(const Plan& plan, const step::Cut& cut) {
  const auto wanted = bill(plan, cut);
  const auto same = [](const BillLine& a, const BillLine& b) {
    return std::tie(a.kind, a.stage, a.axes, a.bytes, a.count) ==
           std::tie(b.kind, b.stage, b.axes, b.bytes, b.count);
  };
  const auto [here, there] = std::ranges::mismatch(plan.bill, wanted, same);
  if (here == plan.bill.end() && there == wanted.end()) return;
  const auto words = [](const auto& at, const auto& end) {
    return at == end ? std::string("no more")
                     : fmt::format("{} of {} bytes, {} times (stage {})", at->kind, at->bytes, at->count,
                                   at->stage);
  };
  throw base::user_error("[plan] bill[{}]: wanted {}, as the shardings mean, got {}; was the plan edited?",
                         there - wanted.begin(), words(there, wanted.end()), words(here, plan.bill.end()));
}

}  // namespace

void validate(const Plan& plan, const step::RematStep& planned) {
  check_shape(plan, planned.joint);
  const auto cut = planned_cut(planned, plan);
  for (size_t s = 0; s < plan.stages.size(); ++s)
    StageCheck(static_cast<int>(s), plan.stages[s], cut.stages[s]).run();
  check_bill(plan, cut);
}

}  // namespace cordata::plan
