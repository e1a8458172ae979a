// SPDX-License-Identifier: Apache-2.0
#include "cordata/partition/module_plan.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>

namespace cordata::partition {

using ir::ValueId;
using sharding::Sharding;
using step::Pass;
using step::Phase;

namespace {

std::string module_name(Pass pass, int microbatches, bool single_stage) {
  if (single_stage && microbatches == 1) return "step";
  if (pass.phase == Phase::kApply) return fmt::format("apply{}", pass.round);
  if (single_stage) return "grad";
  return std::string(pass.phase == Phase::kForward ? "forward" : "backward");
}

// Who reads and makes what, by module.
class Borders {
 public:
  Borders(const step::StageGraph& stage, const plan::StageSharding& sharding, const StageView& view,
          std::vector<ModulePlan>& modules)
      : stage_(stage), sharding_(sharding), view_(view), modules_(modules) {
    for (size_t m = 0; m < modules.size(); ++m) {
      for (Pass p : modules[m].passes) module_of_[p] = static_cast<int>(m);
    }
    for (int p = 0; p < view.num_ops(); ++p) {
      for (const auto& read : view.reads(p)) readers_[read.value].insert(module_of_.at(view.pass(p)));
    }
    for (ValueId v : view.graph().results()) readers_[v].insert(module_of_.at(view.delivered_in(v)));
  }

  void settle() {
    for (size_t m = 0; m < modules_.size(); ++m) {
      settle_args(static_cast<int>(m));
      settle_results(static_cast<int>(m));
    }
    settle_accumulators();
    settle_donation();
  }

 private:
  static constexpr int kNowhere = -1;

  int maker(ValueId v) const { return view_.maker(v) < 0 ? kNowhere : module_of_.at(view_.made_in(v)); }
  bool accumulated(ValueId v) const { return modules_[0].accumulates && view_.accumulates(v); }
  bool read_after(ValueId v, int module) const {
    auto it = readers_.find(v);
    return it != readers_.end() && *it->second.rbegin() > module;
  }

  PortRef port(ValueId v, const Sharding& s, PortRef::Kind kind = PortRef::Kind::kValue) const {
    return {.kind = kind, .value = v.index, .sharding = s, .local = view_.local(v, s)};
  }

  int add_result(ModulePlan& module, PortRef ref) {
    auto same = [&](const PortRef& r) {
      return r.kind == ref.kind && r.value == ref.value && r.sharding == ref.sharding;
    };
    auto it = std::ranges::find_if(module.results, same);
    if (it == module.results.end()) it = module.results.insert(it, std::move(ref));
    return static_cast<int>(it - module.results.begin());
  }

  void settle_args(int m) {
    for (const auto& [v, modules] : readers_) {
      if (modules.contains(m) && maker(v) != m && !accumulated(v))
        modules_[m].args.push_back(port(v, view_.kept(v)));
    }
  }

  void settle_results(int m) {
    for (size_t i = 0; i < view_.graph().results().size(); ++i) {
      ValueId v = view_.graph().results()[i];
      if (module_of_.at(view_.delivered_in(v)) == m) add_result(modules_[m], port(v, sharding_.results[i]));
    }
    for (const auto& [v, modules] : readers_) {
      if (maker(v) == m && !accumulated(v) && read_after(v, m))
        add_result(modules_[m], port(v, view_.kept(v)));
    }
  }

  // Into and out of the module that adds to them; then read by applies.
  void settle_accumulators() {
    for (int p = 0; p < view_.num_ops(); ++p) {
      if (view_.op(p).kind != ir::OpKind::kAccumulate || !modules_[0].accumulates) continue;
      ValueId v = view_.op(p).result();
      std::set<int> where = readers_[v];
      int adds = module_of_.at(view_.pass(p));
      where.insert(adds);
      for (int m : where) {
        PortRef ref = port(v, view_.kept(v), PortRef::Kind::kAccumulator);
        modules_[m].args.push_back(ref);
        if (m != adds) continue;
        tie(m, static_cast<int>(modules_[m].args.size()) - 1, add_result(modules_[m], ref));
      }
    }
  }

  // New parameters, optimizer state and model state take over the old ones' buffers, where this module is the
  // last to read the old value. A new state that a later module still reads is not to be overwritten by the
  // next microbatch.
  void settle_donation() {
    for (size_t r = 0; r < stage_.results.size(); ++r) {
      ValueId v = view_.graph().results()[r];
      int m = module_of_.at(view_.delivered_in(v));
      int result = add_result(modules_[m], port(v, sharding_.results[r]));
      int arg = argument(stage_.results[r]);
      if (arg < 0) continue;
      ValueId old = view_.graph().args()[arg];
      bool state_in_use = stage_.results[r].kind == step::ResultKind::kNewState && read_after(v, m);
      if (read_after(old, m) || deliveries(old) > (v == old) || state_in_use) continue;
      auto& args = modules_[m].args;
      auto at = std::ranges::find_if(args, [&](const PortRef& p) { return p.value == old.index; });
      if (at != args.end() && at->local == modules_[m].results[result].local) {
        tie(m, static_cast<int>(at - args.begin()), result);
      }
    }
  }

  int64_t deliveries(ValueId v) const { return std::ranges::count(view_.graph().results(), v); }

  int argument(const step::StageResult& result) const {
    std::map<step::ResultKind, step::ArgKind> old = {
        {step::ResultKind::kNewParam, step::ArgKind::kParam},
        {step::ResultKind::kNewOptState, step::ArgKind::kOptState},
        {step::ResultKind::kNewState, step::ArgKind::kState}};
    auto kind = old.find(result.kind);
    if (kind == old.end()) return -1;
    for (size_t a = 0; a < stage_.args.size(); ++a) {
      if (stage_.args[a].kind == kind->second && stage_.args[a].index == result.index)
        return static_cast<int>(a);
    }
    return -1;
  }

  void tie(int m, int arg, int result) {
    auto& alias = modules_[m].alias;
    alias.resize(std::max<size_t>(alias.size(), modules_[m].args.size()), -1);
    if (std::ranges::find(alias, result) == alias.end()) alias[arg] = result;
  }

  const step::StageGraph& stage_;
  const plan::StageSharding& sharding_;
  const StageView& view_;
  std::vector<ModulePlan>& modules_;
  std::map<Pass, int> module_of_;
  std::map<ValueId, std::set<int>> readers_;
};

}  // namespace

std::vector<ModulePlan> plan_modules(const step::StageGraph& stage, const plan::StageSharding& sharding,
                                     const StageView& view, int microbatches, bool single_stage) {
  std::vector<ModulePlan> modules;
  for (Pass pass : view.passes()) {
    std::string name = module_name(pass, microbatches, single_stage);
    if (modules.empty() || modules.back().name != name) {
      modules.push_back({.name = name, .accumulates = !(single_stage && microbatches == 1)});
    }
    modules.back().passes.push_back(pass);
  }
  if (modules.empty()) return modules;
  Borders(stage, sharding, view, modules).settle();
  for (ModulePlan& m : modules) m.alias.resize(m.args.size(), -1);
  std::erase_if(modules, [](const ModulePlan& m) { return m.results.empty(); });
  return modules;
}

}  // namespace cordata::partition
