// SPDX-License-Identifier: Apache-2.0
#include "cordata/step/homes.h"

#include <algorithm>
#include <iterator>
#include <map>

#include "cordata/base/error.h"
#include "cordata/ir/op_table.h"
#include "cordata/step/summed.h"

namespace cordata::step {
namespace {

using ir::OpKind;
using ir::ValueId;

// A joined value of at most this size is computed on all stages rather than on one and sent.
constexpr int64_t kSmallBytes = 4096;

class HomeFinder {
 public:
  HomeFinder(const JointStep& joint, const Layers& layers, const std::vector<int>& stage_of_layer)
      : joint_(joint), g_(joint.graph), layers_(layers), stage_of_layer_(stage_of_layer) {}

  Homes run() {
    if (layers_.size() != g_.ops().size())
      throw base::internal_error("[step.cut] wanted a layer for each of {} ops, got {}", g_.ops().size(),
                                 layers_.size());
    homes_.num_stages = *std::max_element(stage_of_layer_.begin(), stage_of_layer_.end()) + 1;
    homes_.op.resize(g_.ops().size());
    homes_.value.resize(g_.num_values());
    place_args();
    only_summed_ = only_summed(joint_);
    for (size_t i = 0; i < g_.ops().size(); ++i) {
      const ir::Node& node = g_.node(g_.ops()[i]);
      homes_.op[i] = find(static_cast<int>(i), node);
      for (int r = 0; r < node.num_results; ++r) homes_.value[node.result(r).index] = homes_.op[i];
    }
    return std::move(homes_);
  }

 private:
  std::vector<ValueId> reads(const ir::Node& node) const {
    std::vector<ValueId> all = node.operands;
    for (ValueId c : ir::captures(g_, node)) all.push_back(c);
    return all;
  }

  // The stage of a forward or backward op by its layer; ops without one go to the last stage among what they
  // read.
  int stage_by_layer(int at, const ir::Node& node) const {
    if (layers_[at] >= 0) {
      if (layers_[at] >= static_cast<int>(stage_of_layer_.size()))
        throw base::internal_error("[step.cut] wanted layers below {}, got {}", stage_of_layer_.size(),
                                   layers_[at]);
      return stage_of_layer_[layers_[at]];
    }
    int stage = 0;
    for (ValueId v : reads(node))
      if (homes_.of(v).kind == Home::Kind::kStage) stage = std::max(stage, homes_.of(v).stage);
    return stage;
  }

  void place_args() {
    std::vector<int> first(g_.num_values(), -1);
    for (size_t i = 0; i < g_.ops().size(); ++i) {
      if (joint_.phase[i] == Phase::kApply || layers_[i] < 0) continue;
      const int stage = stage_of_layer_.at(layers_[i]);
      for (ValueId v : reads(g_.node(g_.ops()[i])))
        if (first[v.index] < 0 || stage < first[v.index]) first[v.index] = stage;
    }
    for (size_t a = 0; a < g_.args().size(); ++a) {
      const ValueId v = g_.args()[a];
      const Role role = joint_.args[a].role;
      Home& home = homes_.value[v.index];
      if (role == Role::kParam || role == Role::kState)
        home = Home::at(std::max(first[v.index], 0));
      else
        home = Home::everywhere();
    }
    for (size_t i = 0; i < joint_.results.size(); ++i)
      if (joint_.results[i].role == Role::kState) place_state(joint_.results[i].index, g_.results()[i]);
    place_opt_states();
  }

  void place_opt_states() {
    const auto users = ir::users(g_);
    std::map<int, int> owner_of;  // by parameter
    for (size_t a = 0; a < g_.args().size(); ++a)
      if (joint_.args[a].role == Role::kParam)
        owner_of.try_emplace(joint_.args[a].index, homes_.of(g_.args()[a]).stage);
    std::vector<int> owner(g_.num_values(), -1);  // of new values of parameters: where the old one is
    for (size_t i = 0; i < joint_.results.size(); ++i)
      if (joint_.results[i].role == Role::kParam) {
        const auto it = owner_of.find(joint_.results[i].index);
        int& mine = owner[g_.results()[i].index];
        const int stage = it == owner_of.end() ? 0 : it->second;
        mine = mine < 0 ? stage : std::min(mine, stage);
      }
    std::vector<int> seen(g_.num_values(), -1);  // by which argument last
    for (size_t a = 0; a < g_.args().size(); ++a) {
      const ValueId v = g_.args()[a];
      if (joint_.args[a].role == Role::kOptState && !g_.type(v).shape.empty())
        homes_.value[v.index] = Home::at(stage_it_updates(v, static_cast<int>(a), users, owner, seen));
    }
  }

  // A state lives where its new value is made, or, where that is no op's result, is at hand.
  void place_state(int index, ValueId made) {
    const ir::NodeId def = g_.value(made).def;
    const auto at =
        def.valid() ? std::lower_bound(g_.ops().begin(), g_.ops().end(), def) - g_.ops().begin() : -1;
    int stage = def.valid() && layers_[at] >= 0 ? stage_of_layer_.at(layers_[at]) : -1;
    if (!def.valid() && homes_.of(made).kind == Home::Kind::kStage) stage = homes_.of(made).stage;
    for (size_t a = 0; a < g_.args().size() && stage >= 0; ++a)
      if (joint_.args[a].role == Role::kState && joint_.args[a].index == index)
        homes_.value[g_.args()[a].index] = Home::at(stage);
  }

  // Optimizer state lives with the parameter that it flows into. Scalars on the way (a norm, a step counter)
  // tie nothing together.
  int stage_it_updates(ValueId state, int arg, const std::vector<std::vector<ir::NodeId>>& users,
                       const std::vector<int>& owner, std::vector<int>& seen) const {
    int stage = -1;
    std::vector<ValueId> stack{state};
    while (!stack.empty()) {
      const ValueId v = stack.back();
      stack.pop_back();
      if (seen[v.index] == arg || g_.type(v).shape.empty()) continue;
      seen[v.index] = arg;
      if (owner[v.index] >= 0) stage = stage < 0 ? owner[v.index] : std::min(stage, owner[v.index]);
      for (ir::NodeId n : users[v.index])
        for (int r = 0; r < g_.node(n).num_results; ++r) stack.push_back(g_.node(n).result(r));
    }
    return std::max(stage, 0);
  }

  Home find(int at, const ir::Node& node) const {
    std::vector<int> stages;
    Terms terms;
    bool argument = false, only_anywhere_beside = true;
    int with_home = 0;
    for (ValueId v : reads(node)) {
      const Home& h = homes_.of(v);
      if (h.kind != Home::Kind::kAnywhere) argument = true;
      if (h.kind == Home::Kind::kEverywhere) only_anywhere_beside = false;
      if (h.kind == Home::Kind::kStage && std::find(stages.begin(), stages.end(), h.stage) == stages.end())
        stages.push_back(h.stage);
      if (h.kind == Home::Kind::kTerms) terms.add(h.terms);
      with_home += h.kind == Home::Kind::kStage || h.kind == Home::Kind::kTerms;
    }
    const Phase phase = joint_.phase[at];
    if (!argument && !ir::has_side_effect(node) && node.kind != OpKind::kAccumulate &&
        node.kind != OpKind::kRng)
      return {};
    if (phase == Phase::kForward) return Home::at(stage_by_layer(at, node));

    Terms all = terms;
    for (const int s : stages) all.add(s);
    if (is_float_add(g_, node) && only_anywhere_beside && with_home == 2 && all.size() > 1 &&
        (phase != Phase::kBackward || only_summed_[at]))
      return Home::sum(all);
    if (!terms.empty() && with_home == 1 && only_anywhere_beside && linear_in_term(node))
      return Home::sum(terms);
    if (phase == Phase::kAccumulate)
      return Home::at(stages.empty() ? stage_by_layer(at, node)
                                     : *std::min_element(stages.begin(), stages.end()));
    return phase == Phase::kBackward ? Home::at(stage_by_layer(at, node)) : apply_home(node, stages, terms);
  }

  Home apply_home(const ir::Node& node, const std::vector<int>& stages, const Terms& terms) const {
    if (stages.empty() && terms.empty()) return Home::everywhere();
    if (homes_.num_stages > 1 && grows(node)) return Home::everywhere();
    if (stages.size() == 1) return Home::at(stages[0]);
    int64_t largest = 0;
    int stage = -1;
    for (ValueId v : node.operands) {
      const Home& h = homes_.of(v);
      const int64_t bytes = g_.type(v).num_bytes();
      if (h.kind != Home::Kind::kStage && h.kind != Home::Kind::kTerms) continue;
      if (stage < 0 || bytes > largest) stage = h.kind == Home::Kind::kStage ? h.stage : *h.terms.begin();
      largest = std::max(largest, bytes);
    }
    return largest <= kSmallBytes ? Home::everywhere() : Home::at(stage);
  }

  // Cheaper to bring what it reads (a summed weight, a learning rate) than what it makes of it.
  bool grows(const ir::Node& node) const {
    if (node.num_results != 1 || g_.type(node.result()).num_bytes() <= kSmallBytes) return false;
    return std::all_of(node.operands.begin(), node.operands.end(),
                       [&](ValueId v) { return g_.type(v).num_bytes() <= kSmallBytes; });
  }

  // True for ops of which the sum of the results is the result of the sum (the other operands being
  // constants).
  bool linear_in_term(const ir::Node& node) const {
    if (node.kind == OpKind::kDivide) return homes_.of(node.operands[0]).kind == Home::Kind::kTerms;
    return may_be_linear(node.kind);
  }

  const JointStep& joint_;
  const ir::Graph& g_;
  const Layers& layers_;
  const std::vector<int>& stage_of_layer_;
  Homes homes_;
  std::vector<bool> only_summed_;  // by op
};

}  // namespace

void Terms::add(int stage) {
  if (has(stage)) return;
  auto more = all_ ? std::make_shared<std::vector<int>>(*all_) : std::make_shared<std::vector<int>>();
  more->insert(std::upper_bound(more->begin(), more->end(), stage), stage);
  all_ = std::move(more);
}

void Terms::add(const Terms& other) {
  if (std::includes(begin(), end(), other.begin(), other.end())) return;
  if (std::includes(other.begin(), other.end(), begin(), end())) {
    all_ = other.all_;
    return;
  }
  auto more = std::make_shared<std::vector<int>>();
  std::set_union(begin(), end(), other.begin(), other.end(), std::back_inserter(*more));
  all_ = std::move(more);
}

Homes find_homes(const JointStep& joint, const Layers& layers, const std::vector<int>& stage_of_layer) {
  return HomeFinder(joint, layers, stage_of_layer).run();
}

}  // namespace cordata::step
