// SPDX-License-Identifier: Apache-2.0
#include "cordata/step/cut.h"

#include <algorithm>
#include <map>
#include <optional>

#include "cordata/base/error.h"
#include "cordata/ir/builder.h"
#include "cordata/step/homes.h"

namespace cordata::step {
namespace {

using ir::ValueId;

constexpr Pass kForward0{Phase::kForward, 0};
constexpr Pass kApply0{Phase::kApply, 0};

// An accumulate adds in every backward pass.
Pass pass_of(Phase phase) { return {phase == Phase::kAccumulate ? Phase::kBackward : phase, 0}; }

ArgKind arg_kind(Role role) {
  switch (role) {
    case Role::kParam:
      return ArgKind::kParam;
    case Role::kOptState:
      return ArgKind::kOptState;
    case Role::kState:
      return ArgKind::kState;
    case Role::kBatch:
      return ArgKind::kBatch;
    default:
      return ArgKind::kKey;
  }
}

ResultKind result_kind(Role role) {
  switch (role) {
    case Role::kParam:
      return ResultKind::kNewParam;
    case Role::kOptState:
      return ResultKind::kNewOptState;
    case Role::kState:
      return ResultKind::kNewState;
    default:
      return ResultKind::kLoss;
  }
}

// Where a joint value can be read at one stage, and the pass from which on it is there.
struct Local {
  ValueId value;
  Pass pass;
};

// One stage while it is being built.
struct Draft {
  ir::GraphBuilder builder;
  std::vector<Pass> pass;
  std::vector<int> origin;
  std::vector<StageArg> args;
  std::vector<StageResult> results;
  std::vector<ValueId> result_values;
  std::map<int, Local> have;                       // by joint value; of a sum over stages: this stage's term
  std::map<int, Local> sums;                       // by joint value: the sum over stages
  std::map<std::pair<int, Pass>, ValueId> remade;  // constants: one for each pass that reads them
  std::map<int, int> brought;                      // joint value -> the transfer that brings it
  std::vector<int> accumulators;                   // values made by accumulates
};

// Ops of the update run in the round that first reads them: what they make isn't held while stages talk.
void sink(StageGraph& stage) {
  const ir::Graph& g = stage.graph;
  const auto users = ir::users(g);
  std::vector<int> place(g.num_nodes(), -1);
  for (size_t i = 0; i < g.ops().size(); ++i) place[g.ops()[i].index] = static_cast<int>(i);
  std::vector<bool> leaves(g.num_values(), false);
  for (const ValueId v : g.results()) leaves[v.index] = true;
  for (size_t i = g.ops().size(); i-- > 0;) {
    const ir::Node& node = g.node(g.ops()[i]);
    if (stage.pass[i].phase != Phase::kApply) continue;
    std::optional<Pass> first;
    for (int r = 0; r < node.num_results; ++r) {
      const ValueId v = node.result(r);
      if (leaves[v.index]) first = stage.pass[i];
      for (const ir::NodeId n : users[v.index])
        if (const int at = place[n.index]; at < 0)
          first = stage.pass[i];  // read inside an op's region
        else
          first = first ? std::min(*first, stage.pass[at]) : stage.pass[at];
    }
    if (first && *first > stage.pass[i]) stage.pass[i] = *first;
  }
}

class Cutter {
 public:
  Cutter(const JointStep& joint, const Layers& layers, const std::vector<int>& stage_of_layer)
      : joint_(joint),
        g_(joint.graph),
        homes_(find_homes(joint, layers, stage_of_layer)),
        drafts_(static_cast<size_t>(homes_.num_stages)),
        position_(g_.num_nodes(), -1),
        arg_index_(g_.num_values(), -1),
        scratch_(g_.num_values()) {
    for (size_t i = 0; i < g_.ops().size(); ++i) position_[g_.ops()[i].index] = static_cast<int>(i);
    for (size_t i = 0; i < g_.args().size(); ++i) {
      arg_index_[g_.args()[i].index] = static_cast<int>(i);
      argument_of_.try_emplace({joint.args[i].role, joint.args[i].index}, g_.args()[i]);
    }
  }

  Cut run() {
    for (size_t i = 0; i < g_.ops().size(); ++i) place(static_cast<int>(i));
    deliver_results();
    Cut cut;
    for (Draft& d : drafts_)
      cut.stages.push_back({d.builder.finish(d.result_values), std::move(d.pass), std::move(d.origin),
                            std::move(d.args), std::move(d.results)});
    cut.transfers = std::move(transfers_);
    for (StageGraph& stage : cut.stages) sink(stage);
    return cut;
  }

 private:
  // Ops with a stage are copied there in order; others are made when somebody asks.
  void place(int at) {
    const Home& home = homes_.op[at];
    if (home.kind == Home::Kind::kStage) emit(at, home.stage, false);
    if (home.kind == Home::Kind::kTerms)
      for (int s : home.terms) emit_term(at, s);
  }

  // Copies an op into a stage, in the first pass where all that it reads is there. `of_terms`: operands that
  // are sums over stages are read as this stage's term.
  void emit(int at, int stage, bool of_terms) {
    const ir::Node& node = g_.node(g_.ops()[at]);
    std::vector<ValueId> reads = node.operands;
    for (ValueId c : ir::captures(g_, node)) reads.push_back(c);
    Pass pass = pass_of(joint_.phase[at]);
    std::vector<Local> locals(reads.size());
    for (size_t i = 0; i < reads.size(); ++i) {
      if (homes_.of(reads[i]).kind == Home::Kind::kAnywhere) continue;
      locals[i] =
          of_terms && is_sum(reads[i]) ? drafts_[stage].have.at(reads[i].index) : need(reads[i], stage, pass);
      pass = std::max(pass, locals[i].pass);
    }
    for (size_t i = 0; i < reads.size(); ++i)
      if (!locals[i].value.valid()) locals[i].value = remake(reads[i], stage, pass);
    for (size_t i = 0; i < reads.size(); ++i) scratch_[reads[i].index] = locals[i].value;
    copy(at, stage, pass);
    for (int r = 0; r < node.num_results; ++r) {
      const ValueId made = scratch_[node.result(r).index];
      drafts_[stage].have[node.result(r).index] = {made, pass};
      if (node.kind == ir::OpKind::kAccumulate) drafts_[stage].accumulators.push_back(made.index);
    }
  }

  // Clones with operands found in scratch_, where the results are put too.
  void copy(int at, int stage, Pass pass) {
    drafts_[stage].builder.clone(g_, g_.ops()[at], scratch_);
    record(stage, pass, at);
  }

  void record(int stage, Pass pass, int origin) {
    drafts_[stage].pass.push_back(pass);
    drafts_[stage].origin.push_back(origin);
  }

  bool is_sum(ValueId v) const { return homes_.of(v).kind == Home::Kind::kTerms; }

  bool holds(ValueId v, int stage) const {
    const Home& home = homes_.of(v);
    if (home.kind == Home::Kind::kStage) return home.stage == stage;
    return home.kind == Home::Kind::kTerms ? home.terms.has(stage) : home.kind == Home::Kind::kAnywhere;
  }

  // This stage's term of a sum over stages: an add of which only one side lives here is that side.
  void emit_term(int at, int stage) {
    const ir::Node& node = g_.node(g_.ops()[at]);
    std::vector<ValueId> here;
    for (ValueId v : node.operands)
      if (holds(v, stage)) here.push_back(v);
    if (here.size() == node.operands.size()) return emit(at, stage, true);
    const Local term = is_sum(here.at(0)) ? drafts_[stage].have.at(here[0].index)
                                          : need(here[0], stage, pass_of(joint_.phase[at]));
    drafts_[stage].have[node.result().index] = term;
  }

  // The value at a stage for a reader in `pass`: made, summed or brought there if it isn't there yet.
  Local need(ValueId v, int stage, Pass pass) {
    Draft& d = drafts_[stage];
    const Home& home = homes_.of(v);
    if (home.kind == Home::Kind::kAnywhere) return {remake(v, stage, pass), pass};
    if (home.kind == Home::Kind::kTerms) return sum_at(v, stage, pass);
    if (const auto it = d.have.find(v.index); it != d.have.end())
      return needed_earlier(v, d, it->second, pass);
    const bool here = home.kind == Home::Kind::kEverywhere || home.stage == stage;
    const bool copy_of_param = arg_index_[v.index] >= 0 && pass.phase != Phase::kApply;
    if (arg_index_[v.index] >= 0 && (here || copy_of_param))
      return d.have[v.index] = bring_arg(v, stage, here);
    if (here) {
      emit(position_[g_.value(v).def.index], stage, false);
      return d.have.at(v.index);
    }
    if (arg_index_[v.index] >= 0) need(v, home.stage, pass);
    const int id = static_cast<int>(transfers_.size());
    const Local got = transfer(held(v, home.stage), home.stage, stage, pass);
    d.brought[v.index] = id;
    return d.have[v.index] = got;
  }

  // The first reader found need not be the first to run.
  Local needed_earlier(ValueId v, Draft& d, Local& local, Pass pass) {
    const auto it = d.brought.find(v.index);
    if (it != d.brought.end() && pass < local.pass && pass.phase != Phase::kApply)
      local.pass = transfers_[it->second].needed_by = pass;
    return local;
  }

  ValueId remake(ValueId v, int stage, Pass pass) {
    Draft& d = drafts_[stage];
    const auto key = std::make_pair(v.index, pass);
    if (const auto it = d.remade.find(key); it != d.remade.end()) return it->second;
    const int at = position_[g_.value(v).def.index];
    const ir::Node& node = g_.node(g_.ops()[at]);
    std::vector<ValueId> operands;
    for (ValueId o : node.operands) operands.push_back(remake(o, stage, pass));
    for (size_t i = 0; i < operands.size(); ++i) scratch_[node.operands[i].index] = operands[i];
    copy(at, stage, pass);
    for (int r = 0; r < node.num_results; ++r)
      d.remade[{node.result(r).index, pass}] = scratch_[node.result(r).index];
    return d.remade.at(key);
  }

  Local bring_arg(ValueId v, int stage, bool owner) {
    Draft& d = drafts_[stage];
    const Port& port = joint_.args[arg_index_[v.index]];
    const Local local{d.builder.arg(g_.type(v), g_.value(v).name), kForward0};
    holders_[{arg_kind(port.role), port.index}].emplace_back(stage, static_cast<int>(d.args.size()));
    d.args.push_back({arg_kind(port.role), port.index, owner});
    return local;
  }

  // Sends a value of one stage to another. What an apply round makes can be read in the next one.
  Local transfer(const Local& from, int from_stage, int to_stage, Pass needed) {
    if (from.pass.phase == Phase::kApply) needed = std::max(needed, Pass{Phase::kApply, from.pass.round + 1});
    Draft& sender = drafts_[from_stage];
    Draft& receiver = drafts_[to_stage];
    const int id = static_cast<int>(transfers_.size());
    const ir::Type type = sender.builder.type(from.value);
    transfers_.push_back({from_stage, to_stage, static_cast<int>(sender.results.size()),
                          static_cast<int>(receiver.args.size()), from.pass, needed, type});
    sender.results.push_back({ResultKind::kSent, id});
    sender.result_values.push_back(from.value);
    receiver.args.push_back({ArgKind::kReceived, id, true});
    return {receiver.builder.arg(type), needed};
  }

  // The whole of a value that stages hold terms of, at one stage.
  Local sum_at(ValueId v, int stage, Pass pass) {
    Draft& d = drafts_[stage];
    if (const auto it = d.sums.find(v.index); it != d.sums.end()) return it->second;
    const int at = position_[g_.value(v).def.index];
    Local total;
    for (int s : homes_.of(v).terms) {
      const Local term = s == stage ? held(v, s) : transfer(held(v, s), s, stage, pass);
      if (!total.value.valid()) {
        total = term;
        continue;
      }
      total = {d.builder.add(total.value, term.value), std::max(total.pass, term.pass)};
      record(stage, total.pass, at);
    }
    return d.sums[v.index] = total;
  }

  // A stage's own value as one that can leave it: a sum over microbatches is whole only when the backward
  // passes are over, so an identity in the first apply round stands for it.
  Local held(ValueId v, int stage) {
    Draft& d = drafts_[stage];
    Local& local = d.have.at(v.index);
    const bool running =
        std::find(d.accumulators.begin(), d.accumulators.end(), local.value.index) != d.accumulators.end();
    if (!running) return local;
    const Local whole{d.builder.value(ir::OpKind::kOptimizationBarrier, {local.value}, {}, {g_.type(v)}),
                      kApply0};
    record(stage, kApply0, position_[g_.value(v).def.index]);
    return local = whole;
  }

  void deliver_results() {
    std::vector<size_t> shared_counters;
    for (size_t i = 0; i < joint_.results.size(); ++i) {
      const Port& port = joint_.results[i];
      const ValueId v = g_.results()[i];
      if (port.role == Role::kLoss) {
        deliver(ResultKind::kLoss, 0, v, homes_.of(v).kind == Home::Kind::kStage ? homes_.of(v).stage : 0);
        continue;
      }
      const Home& home = homes_.of(argument(port));
      if (port.role == Role::kState)
        deliver_state(port.index, v, argument(port), home.stage);
      else if (home.kind == Home::Kind::kStage)
        deliver(result_kind(port.role), port.index, v, home.stage);
      else
        shared_counters.push_back(i);
      if (port.role == Role::kParam) refresh_copies(port.index, home.stage);
    }
    for (size_t i : shared_counters) deliver_to_holders(i);
    for (const auto& [index, stage] : states_) refresh_copies_of_state(index, stage);
  }

  // A state's new value is made in the forward pass of each microbatch. One that is no op's result, or
  // another state's new value too, gets an identity of its own: what one microbatch hands to the next is a
  // buffer of that state alone.
  void deliver_state(int index, ValueId v, ValueId old, int stage) {
    Draft& d = drafts_[stage];
    need(old, stage, kForward0);
    ValueId local = need(v, stage, kForward0).value;
    const bool made = homes_.of(v).kind == Home::Kind::kStage && arg_index_[v.index] < 0;
    if (!made || std::find(d.result_values.begin(), d.result_values.end(), local) != d.result_values.end()) {
      local = d.builder.value(ir::OpKind::kOptimizationBarrier, {local}, {}, {g_.type(v)});
      record(stage, kForward0, made ? position_[g_.value(v).def.index] : 0);
    }
    d.results.push_back({ResultKind::kNewState, index});
    d.result_values.push_back(local);
    states_.push_back({index, stage});
  }

  void refresh_copies_of_state(int index, int owner) {
    const auto& results = drafts_[owner].results;
    const auto made = std::find_if(results.begin(), results.end(), [&](const StageResult& r) {
      return r.kind == ResultKind::kNewState && r.index == index;
    });
    send_to_copies(ArgKind::kState, index, owner, static_cast<int>(made - results.begin()), kForward0);
  }

  ValueId argument(const Port& port) const {
    const auto it = argument_of_.find({port.role, port.index});
    if (it == argument_of_.end())
      throw base::internal_error("[step.cut] result {} updates no argument", port.name);
    return it->second;
  }

  void deliver(ResultKind kind, int index, ValueId v, int stage) {
    const ValueId local = need(v, stage, kApply0).value;
    drafts_[stage].results.push_back({kind, index});
    drafts_[stage].result_values.push_back(local);
  }

  // The owner sends a shared parameter's new value to the stages that hold copies.
  void refresh_copies(int param, int owner) {
    send_to_copies(ArgKind::kParam, param, owner, static_cast<int>(drafts_[owner].results.size()) - 1,
                   kApply0);
  }

  void send_to_copies(ArgKind kind, int index, int owner, int from_result, Pass sent_after) {
    const ir::Type type = drafts_[owner].builder.type(drafts_[owner].result_values[from_result]);
    auto holders = holders_[{kind, index}];
    std::sort(holders.begin(), holders.end());
    for (const auto& [stage, arg] : holders)
      if (stage != owner) transfers_.push_back({owner, stage, from_result, arg, sent_after, kForward0, type});
  }

  // A counter that every stage keeps for itself is updated wherever it is read; the lowest stage owns it.
  void deliver_to_holders(size_t i) {
    const Port& port = joint_.results[i];
    bool owned = false;
    for (int s = 0; s < homes_.num_stages; ++s) {
      auto& args = drafts_[s].args;
      const auto held = std::find_if(args.begin(), args.end(), [&](const StageArg& a) {
        return a.kind == arg_kind(port.role) && a.index == port.index;
      });
      const bool last_chance = s + 1 == homes_.num_stages && !owned;
      if (held == args.end() && !last_chance) continue;
      if (held == args.end())
        need(argument(port), s, kApply0);
      else
        held->owner = !owned;
      owned = true;
      deliver(result_kind(port.role), port.index, g_.results()[i], s);
    }
  }

  const JointStep& joint_;
  const ir::Graph& g_;
  Homes homes_;
  std::vector<Draft> drafts_;
  std::vector<Transfer> transfers_;
  std::vector<int> position_;   // by node: its position among the joint ops
  std::vector<int> arg_index_;  // by value: which argument it is, or -1
  std::map<std::pair<Role, int>, ValueId> argument_of_;
  std::map<std::pair<ArgKind, int>, std::vector<std::pair<int, int>>> holders_;  // stages and their arguments
  std::vector<ValueId> scratch_;                                                 // by joint value, for clone
  std::vector<std::pair<int, int>> states_;  // delivered: which, and on which stage
};

}  // namespace

Cut cut(const JointStep& joint, const Layers& layers, const std::vector<int>& stage_of_layer) {
  return Cutter(joint, layers, stage_of_layer).run();
}

}  // namespace cordata::step
