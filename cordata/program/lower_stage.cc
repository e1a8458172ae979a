// SPDX-License-Identifier: Apache-2.0
#include "cordata/program/lower_stage.h"

#include <algorithm>
#include <map>
#include <set>
#include <tuple>

#include "cordata/base/error.h"
#include "cordata/program/tiles.h"

namespace cordata::program {
namespace {

using partition::Module;
using partition::PortRef;
using sharding::Sharding;
using step::ArgKind;
using step::Phase;
using step::ResultKind;

constexpr int kWholeStep = -1;  // in place of a microbatch: the value is one of the step
constexpr int kTags = 1 << 21;  // transports number their messages below this
constexpr int kLossTag = kTags - 1;

bool once_a_microbatch(const step::Transfer& t) { return t.sent_after.phase != Phase::kApply; }

class RankLowering {
 public:
  RankLowering(const step::JointStep& joint, const step::Cut& cut, const plan::Plan& plan, int stage,
               int device, const StageParts& parts, const std::vector<Work>& work)
      : joint_(joint),
        cut_(cut),
        plan_(plan),
        stage_(stage),
        device_(device),
        graph_(cut.stages[stage]),
        mesh_(plan.stages[stage].mesh),
        sharding_(plan.stages[stage].sharding),
        modules_(parts.modules.modules),
        parts_(parts),
        work_(work) {
    rank_.rank = plan.stages[stage].ranks[device];
    rank_.stage = stage;
    rank_.index_in_mesh = device;
    for (size_t a = 0; a < graph_.args.size(); ++a)
      arg_of_value_[graph_.graph.args()[a].index] = static_cast<int>(a);
  }

  RankProgram run() {
    for (size_t m = 0; m < modules_.size(); ++m)
      rank_.modules.push_back(parts_.first_module + static_cast<int>(m));
    add_residents();
    zero_accumulators();
    fold_keys();
    if (cut_.stages.size() == 1)
      run_single();
    else
      run_pipelined();
    refresh_copies();
    free_dead(rank_.step);
    rank_.num_slots = next_slot_;
    return std::move(rank_);
  }

 private:
  using Key = std::tuple<PortRef::Kind, int, Sharding, int>;  // kind, value, sharding, microbatch

  Slot slot(PortRef::Kind kind, int value, const Sharding& s, int microbatch) {
    const auto [it, fresh] = slots_.try_emplace({kind, value, s, microbatch}, next_slot_);
    if (fresh) ++next_slot_;
    return it->second;
  }

  int rank_of(int stage, int device) const { return plan_.stages[stage].ranks[device]; }

  // --- what lives from step to step ---

  void add_residents() {
    for (size_t a = 0; a < graph_.args.size(); ++a) {
      const step::StageArg& arg = graph_.args[a];
      step::Role role;
      if (arg.kind == ArgKind::kParam)
        role = step::Role::kParam;
      else if (arg.kind == ArgKind::kOptState)
        role = step::Role::kOptState;
      else if (arg.kind == ArgKind::kState)
        role = step::Role::kState;
      else
        continue;
      const ir::ValueId v = graph_.graph.args()[a];
      const ir::Type& type = graph_.graph.type(v);
      const Sharding& rest = sharding_.args[a];
      Resident r{role,
                 arg.index,
                 name_of(role, arg.index),
                 slot(PortRef::Kind::kValue, v.index, rest, kWholeStep),
                 type,
                 sharding::local_type(type, rest, mesh_),
                 block(type, rest, mesh_, device_),
                 arg.owner,
                 false};
      r.primary = arg.owner && first_with(type, rest, r.box) == device_;
      rank_.residents.push_back(std::move(r));
    }
    for (const Module& m : modules_)
      for (const PortRef& p : m.args)
        if (p.kind == PortRef::Kind::kDeviceIndex)
          rank_.device_index = slot(PortRef::Kind::kDeviceIndex, -1, {}, kWholeStep);
  }

  std::string name_of(step::Role role, int index) const {
    for (const step::Port& p : joint_.args)
      if (p.role == role && p.index == index) return p.name;
    return "";
  }

  int first_with(const ir::Type& type, const Sharding& s, const Box& box) const {
    for (int d = 0;; ++d)
      if (block(type, s, mesh_, d) == box) return d;
  }

  // Anew each step: an apply that handed them back as zeros would have them copied first, as its compiler
  // can't know that they were read by then.
  void zero_accumulators() {
    std::set<Slot> done;
    for (const Module& m : modules_)
      for (const PortRef& p : m.args) {
        if (p.kind != PortRef::Kind::kAccumulator) continue;
        Instruction zero{OpCode::kZero};
        zero.results = {slot(p.kind, p.value, p.sharding, kWholeStep)};
        zero.type = p.local;
        zero.label = "zero accumulator";
        if (done.insert(zero.results[0]).second) rank_.step.push_back(std::move(zero));
      }
  }

  // --- random keys ---

  // A key for each microbatch, ahead of everything else: receives are posted by the modules around them,
  // which these are not.
  void fold_keys() {
    if (parts_.key_module < 0) return;
    rank_.modules.push_back(parts_.key_module);
    const Slot key = next_slot_++;
    const ir::Type& type = parts_.key_args[2];
    rank_.residents.push_back({step::Role::kKey, 0, name_of(step::Role::kKey, 0), key, type, type,
                               block(type, {}, mesh_, device_), true, false});
    const Slot step = number(parts_.key_args[0], kWholeStep);
    for (int m = 0; m < joint_.microbatches; ++m) {
      Instruction fold{OpCode::kRun};
      fold.module = parts_.key_module;
      fold.microbatch = m;
      fold.label = fmt::format("K{}", m);
      fold.args = {step, number(parts_.key_args[1], m), key};
      fold.results = {slot(PortRef::Kind::kValue, key_value().index, {}, m)};
      rank_.step.push_back(std::move(fold));
    }
  }

  Slot number(const ir::Type& type, int microbatch) {
    Instruction i{OpCode::kNumber};
    i.results = {next_slot_++};
    i.type = type;
    i.microbatch = microbatch;
    i.label = microbatch < 0 ? "number of the step" : fmt::format("number of microbatch {}", microbatch);
    rank_.step.push_back(i);
    return i.results[0];
  }

  ir::ValueId key_value() const {
    for (size_t a = 0; a < graph_.args.size(); ++a)
      if (graph_.args[a].kind == ArgKind::kKey) return graph_.graph.args()[a];
    throw base::internal_error("[program.lower] wanted an argument for the key, got none");
  }

  // --- running modules ---

  // The slot of a module's argument or result. Values of a microbatch have one a microbatch.
  Slot port_slot(const PortRef& p, int microbatch) {
    if (p.kind == PortRef::Kind::kDeviceIndex) return rank_.device_index;
    if (p.kind == PortRef::Kind::kAccumulator) return slot(p.kind, p.value, p.sharding, kWholeStep);
    if (const step::StageArg* arg = argument(p.value); arg && arg->kind == ArgKind::kState)
      return state_slot(*arg, p, microbatch);
    return slot(p.kind, p.value, p.sharding, of_microbatch(p.value) ? microbatch : kWholeStep);
  }

  const step::StageArg* argument(int value) const {
    const auto it = arg_of_value_.find(value);
    return it == arg_of_value_.end() ? nullptr : &graph_.args[it->second];
  }

  // Model state as a microbatch finds it: the resident, then what the microbatch before made of it. A stage
  // that only reads it is sent that.
  Slot state_slot(const step::StageArg& arg, const PortRef& p, int microbatch) {
    if (microbatch <= 0) return slot(p.kind, p.value, p.sharding, kWholeStep);
    if (!arg.owner) return slot(p.kind, p.value, p.sharding, microbatch);
    for (size_t r = 0; r < graph_.results.size(); ++r)
      if (graph_.results[r].kind == ResultKind::kNewState && graph_.results[r].index == arg.index)
        return slot(PortRef::Kind::kValue, graph_.graph.results()[r].index, sharding_.results[r],
                    microbatch - 1);
    throw base::internal_error("[program.lower] wanted a new value of state {}, got none", arg.index);
  }

  bool of_microbatch(int value) const {
    if (const auto it = arg_of_value_.find(value); it != arg_of_value_.end()) {
      const step::StageArg& arg = graph_.args[it->second];
      if (arg.kind == ArgKind::kReceived) return once_a_microbatch(cut_.transfers[arg.index]);
      return arg.kind == ArgKind::kBatch || arg.kind == ArgKind::kKey;
    }
    const ir::NodeId def = graph_.graph.value(ir::ValueId(value)).def;
    const auto ops = graph_.graph.ops();
    const auto at = std::lower_bound(ops.begin(), ops.end(), def) - ops.begin();
    return graph_.pass[at].phase != Phase::kApply && graph_.graph.node(def).kind != ir::OpKind::kAccumulate;
  }

  void run_module(size_t m, int microbatch, const std::string& label) {
    const Module& module = modules_[m];
    fetch_inputs(module, microbatch);
    Instruction run{OpCode::kRun};
    run.module = parts_.first_module + static_cast<int>(m);
    run.microbatch = microbatch;
    run.label = label;
    for (const PortRef& p : module.args) run.args.push_back(port_slot(p, microbatch));
    for (const PortRef& p : module.results) run.results.push_back(result_slot(p, microbatch));
    rank_.step.push_back(std::move(run));
    send_results(module, microbatch);
  }

  // New parameters and states have a slot of their own, as later modules of the step may read the old ones;
  // at the end of the step they move to where those were.
  Slot result_slot(const PortRef& p, int microbatch) {
    const Slot own = port_slot(p, microbatch);
    if (p.kind != PortRef::Kind::kValue) return own;
    for (size_t r = 0; r < graph_.results.size(); ++r) {
      if (graph_.graph.results()[r].index != p.value || sharding_.results[r] != p.sharding) continue;
      const Slot home = resident_slot(graph_.results[r]);
      const bool goes_on =
          graph_.results[r].kind == ResultKind::kNewState && microbatch + 1 < joint_.microbatches;
      if (home < 0 || home == own || goes_on) continue;
      if (placed_.count(own))
        throw base::internal_error("[program.lower] wanted one resident for a new value, got two (value {})",
                                   p.value);
      placed_.insert(own);
      pending_moves_.push_back({own, home});
    }
    return own;
  }

  Slot resident_slot(const step::StageResult& result) const {
    step::Role role;
    if (result.kind == ResultKind::kNewParam)
      role = step::Role::kParam;
    else if (result.kind == ResultKind::kNewOptState)
      role = step::Role::kOptState;
    else if (result.kind == ResultKind::kNewState)
      role = step::Role::kState;
    else
      return -1;
    for (const Resident& r : rank_.residents)
      if (r.role == role && r.index == result.index) return r.slot;
    throw base::internal_error("[program.lower] wanted a resident for {} {}, got none", step::name(role),
                               result.index);
  }

  // Batch blocks and what other stages send, right before the first module that reads them.
  void fetch_inputs(const Module& module, int microbatch) {
    for (const PortRef& p : module.args) {
      const auto it = arg_of_value_.find(p.value);
      if (p.kind != PortRef::Kind::kValue || it == arg_of_value_.end()) continue;
      const step::StageArg& arg = graph_.args[it->second];
      const int of = of_microbatch(p.value) ? microbatch : kWholeStep;
      const Slot to = slot(p.kind, p.value, p.sharding, of);
      if (arg.kind == ArgKind::kBatch && fetched_.insert(to).second) load(arg.index, p, microbatch, to);
      if (arg.kind == ArgKind::kReceived && fetched_.insert(to).second)
        receive(cut_.transfers[arg.index], arg.index, of, to, p.sharding);
      if (arg.kind == ArgKind::kState && !arg.owner && microbatch > 0) fetch_state(it->second, p, microbatch);
    }
  }

  // What the microbatch before made of a state that lives on another stage.
  void fetch_state(int arg, const PortRef& p, int microbatch) {
    const Slot to = port_slot(p, microbatch);
    if (!fetched_.insert(to).second) return;
    for (size_t id = 0; id < cut_.transfers.size(); ++id) {
      const step::Transfer& t = cut_.transfers[id];
      if (t.to_stage == stage_ && t.to_arg == arg)
        receive(t, static_cast<int>(id), microbatch - 1, to, p.sharding);
    }
  }

  void load(int input, const PortRef& p, int microbatch, Slot to) {
    Instruction i{OpCode::kLoad};
    i.results = {to};
    i.input = input;
    i.microbatch = microbatch;
    i.type = p.local;
    i.box = block(graph_.graph.type(ir::ValueId(p.value)), p.sharding, mesh_, device_);
    i.label = fmt::format("load input {} of microbatch {}", input, microbatch);
    rank_.step.push_back(std::move(i));
  }

  // --- between stages ---

  static int tag_of(int transfer, int microbatch, int microbatches) {
    return (transfer * (microbatches + 1) + microbatch + 1) % (kTags - 1);
  }

  const std::vector<Tile>& tiles_of(const step::Transfer& t) {
    const auto [it, fresh] = tiles_.try_emplace(&t);  // every microbatch asks
    if (fresh)
      it->second = tiles(t.type, plan_.stages[t.from_stage].sharding.results[t.from_result],
                         plan_.stages[t.from_stage].mesh, plan_.stages[t.to_stage].sharding.args[t.to_arg],
                         plan_.stages[t.to_stage].mesh);
    return it->second;
  }

  void receive(const step::Transfer& t, int id, int microbatch, Slot to, const Sharding& s) {
    Instruction i{OpCode::kRecv};
    i.results = {to};
    i.type = sharding::local_type(t.type, s, mesh_);
    i.microbatch = microbatch;
    i.label = fmt::format("receive {} from stage {}", id, t.from_stage);
    for (const Tile& tile : tiles_of(t))
      if (tile.to == device_)
        i.pieces.push_back({rank_of(t.from_stage, tile.from),
                            tag_of(id, microbatch, joint_.microbatches),
                            -1,
                            {},
                            tile.at_receiver});
    rank_.step.push_back(std::move(i));
  }

  void send_results(const Module& module, int microbatch) {
    for (size_t id = 0; id < cut_.transfers.size(); ++id) {
      const step::Transfer& t = cut_.transfers[id];
      if (t.from_stage != stage_) continue;
      const int value = graph_.graph.results()[t.from_result].index;
      const Sharding& s = sharding_.results[t.from_result];
      for (const PortRef& p : module.results)
        if (p.kind == PortRef::Kind::kValue && p.value == value && p.sharding == s)
          send(t, static_cast<int>(id), p, microbatch);
    }
  }

  void send(const step::Transfer& t, int id, const PortRef& p, int microbatch) {
    const int of = once_a_microbatch(t) ? microbatch : kWholeStep;
    for (const Tile& tile : tiles_of(t)) {
      if (tile.from != device_) continue;
      Instruction i{OpCode::kSend};
      i.args = {port_slot(p, microbatch)};
      i.peer = rank_of(t.to_stage, tile.to);
      i.tag = tag_of(id, of, joint_.microbatches);
      i.box = tile.at_sender;
      i.type = p.local;
      i.microbatch = of;
      i.label = fmt::format("send {} to stage {}", id, t.to_stage);
      rank_.step.push_back(std::move(i));
    }
  }

  // --- the step ---

  size_t module_named(const std::string& name) const {
    for (size_t m = 0; m < modules_.size(); ++m)
      if (modules_[m].name == name) return m;
    return modules_.size();
  }

  void run_if_there(const std::string& name, int microbatch, const std::string& label) {
    if (const size_t m = module_named(name); m < modules_.size()) run_module(m, microbatch, label);
  }

  void run_single() {
    run_if_there("step", 0, "step");
    for (int m = 0; m < joint_.microbatches; ++m) run_if_there("grad", m, fmt::format("G{}", m));
    run_applies();
  }

  void run_pipelined() {
    for (const Work& w : work_)
      run_if_there(w.forward ? "forward" : "backward", w.microbatch,
                   fmt::format("{}{}", w.forward ? "F" : "B", w.microbatch));
    run_applies();
  }

  void run_applies() {
    for (size_t m = 0; m < modules_.size(); ++m)
      if (modules_[m].name.starts_with("apply")) run_module(m, kWholeStep, modules_[m].name);
    for (const auto& [from, to] : pending_moves_) move(from, to, "new value in place");
    loss();
  }

  void move(Slot from, Slot to, const char* label) {
    Instruction i{OpCode::kMove};
    i.args = {from};
    i.results = {to};
    i.label = label;
    rank_.step.push_back(std::move(i));
  }

  void loss() {
    for (size_t r = 0; r < graph_.results.size(); ++r) {
      if (graph_.results[r].kind != ResultKind::kLoss || device_ != 0) continue;
      const int value = graph_.graph.results()[r].index;
      Instruction i{OpCode::kLoss};
      i.args = {slot(PortRef::Kind::kValue, value, sharding_.results[r], kWholeStep)};
      i.type = graph_.graph.type(ir::ValueId(value));
      i.label = "loss";
      // Right after it is made, so that it doesn't wait for what an apply waits for on its way to rank 0.
      const auto made = std::find_if(rank_.step.rbegin(), rank_.step.rend(), [&](const Instruction& other) {
        return std::find(other.results.begin(), other.results.end(), i.args[0]) != other.results.end();
      });
      rank_.step.insert(made.base(), std::move(i));
    }
  }

  // New values of shared parameters, and of states as the last microbatch leaves them, from their owner.
  void refresh_copies() {
    for (size_t id = 0; id < cut_.transfers.size(); ++id) {
      const step::Transfer& t = cut_.transfers[id];
      const ArgKind kind = graph_.args[t.to_arg].kind;
      if (t.to_stage != stage_ || (kind != ArgKind::kParam && kind != ArgKind::kState)) continue;
      const ir::ValueId v = graph_.graph.args()[t.to_arg];
      const Sharding& rest = sharding_.args[t.to_arg];
      const Slot fresh = next_slot_++;  // the old value stays until the new one is there
      receive(t, static_cast<int>(id), once_a_microbatch(t) ? joint_.microbatches - 1 : kWholeStep, fresh,
              rest);
      move(fresh, slot(PortRef::Kind::kValue, v.index, rest, kWholeStep), "new copy in place");
    }
  }

  // A FREE right after the last reader of every buffer that doesn't live on.
  void free_dead(std::vector<Instruction>& list) {
    std::set<Slot> kept;
    for (const Resident& r : rank_.residents) kept.insert(r.slot);
    for (const Instruction& i : rank_.setup) kept.insert(i.results.begin(), i.results.end());
    if (rank_.device_index >= 0) kept.insert(rank_.device_index);

    std::map<Slot, size_t> last;
    std::set<Slot> emptied;
    for (size_t i = 0; i < list.size(); ++i) {
      for (Slot s : list[i].args) last[s] = i;
      for (Slot s : list[i].results) last[s] = i;
      if (list[i].op == OpCode::kMove) emptied.insert(list[i].args[0]);
    }
    std::map<size_t, std::vector<Slot>> dead;
    for (const auto& [s, at] : last)
      if (!kept.count(s) && !emptied.count(s)) dead[at].push_back(s);
    std::vector<Instruction> out;
    for (size_t i = 0; i < list.size(); ++i) {
      out.push_back(std::move(list[i]));
      if (!dead.count(i)) continue;
      Instruction free{OpCode::kFree};
      free.args = dead[i];
      free.label = "free";
      out.push_back(std::move(free));
    }
    list = std::move(out);
  }

  const step::JointStep& joint_;
  const step::Cut& cut_;
  const plan::Plan& plan_;
  const int stage_, device_;
  const step::StageGraph& graph_;
  const sharding::Mesh& mesh_;
  const plan::StageSharding& sharding_;
  const std::vector<Module>& modules_;
  const StageParts& parts_;
  const std::vector<Work>& work_;
  RankProgram rank_;
  std::map<Key, Slot> slots_;
  std::map<int, int> arg_of_value_;
  std::map<const step::Transfer*, std::vector<Tile>> tiles_;
  std::set<Slot> fetched_, placed_;
  std::vector<std::pair<Slot, Slot>> pending_moves_;  // from, to a resident's slot
  int next_slot_ = 0;
};

}  // namespace

RankProgram lower_rank(const step::JointStep& joint, const step::Cut& cut, const plan::Plan& plan, int stage,
                       int device, const StageParts& parts, const std::vector<Work>& work) {
  return RankLowering(joint, cut, plan, stage, device, parts, work).run();
}

void report_loss_at_rank_zero(Program& program) {
  RankProgram& zero = program.ranks.front();
  for (RankProgram& r : program.ranks)
    for (size_t i = 0; i < r.step.size(); ++i) {
      if (r.step[i].op != OpCode::kLoss || r.rank == zero.rank) continue;
      Instruction report = r.step[i];
      Instruction& send = r.step[i];
      send.op = OpCode::kSend;
      send.peer = zero.rank;
      send.tag = kLossTag;
      send.label = "send loss";
      Instruction receive{OpCode::kRecv};
      receive.results = {zero.num_slots++};
      receive.type = report.type;
      receive.label = "receive loss";
      receive.pieces.push_back({r.rank, kLossTag, -1, {}, {}});
      report.args = receive.results;
      Instruction free{OpCode::kFree};
      free.args = receive.results;
      free.label = "free";
      for (Instruction* next : {&receive, &report, &free}) zero.step.push_back(std::move(*next));
      return;
    }
}

}  // namespace cordata::program
