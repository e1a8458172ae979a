// SPDX-License-Identifier: Apache-2.0
#include "tests/program/pipelines.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>

#include "cordata/program/tiles.h"

namespace cordata::tests {
namespace {

using namespace program;
using ir::DType;
using ir::Type;
using sharding::Mesh;

Mesh mesh_of(int ranks) {
  if (ranks == 1) return {};
  if (ranks == 2) return {{2}, {}};
  return {{2, 2}, {}};
}

// Rows over axis 0; a second axis, if any, holds copies.
sharding::Sharding rows_sharded(const Mesh& mesh) {
  sharding::Sharding s;
  if (mesh.num_axes() > 0) s.at[0] = 0;
  return s;
}

class Maker {
 public:
  explicit Maker(const PipelineOptions& o) : o_(o), act_(Type::tensor(DType::kF32, {o.rows, 3})) {}

  Program make() {
    p_.microbatches = o_.microbatches;
    p_.schedule = o_.schedule;
    p_.inputs = {{"x", act_, 0}};
    const int stages = static_cast<int>(o_.ranks_of_stage.size());
    int next = 0;
    for (int s = 0; s < stages; ++s) {
      meshes_.push_back(mesh_of(o_.ranks_of_stage[s]));
      ranks_.emplace_back();
      for (int k = 0; k < o_.ranks_of_stage[s]; ++k) ranks_.back().push_back(next++);
    }
    p_.num_ranks = next;
    const Schedule schedule = make_schedule(o_.schedule, stages, o_.microbatches);
    for (int s = 0; s < stages; ++s) {
      add_modules(s);
      for (int k = 0; k < o_.ranks_of_stage[s]; ++k) add_rank(s, k, schedule[s]);
    }
    loss_to_rank_zero();
    return std::move(p_);
  }

 private:
  // Per stage: forward, backward, apply0, apply1.
  enum Which { kForward, kBackward, kApply0, kApply1, kModules };

  bool last(int s) const { return s + 1 == static_cast<int>(meshes_.size()); }
  Type local(int s) const { return sharding::local_type(act_, rows_sharded(meshes_[s]), meshes_[s]); }

  void add_modules(int s) {
    const Type w = kWeight, x = local(s), one = kOne, index = Type::tensor(DType::kI32);
    std::vector<int> comms[kModules];
    if (o_.ranks_of_stage[s] > 1) {
      int rows = -1, columns = -1;
      if (!o_.native) {
        rows = columns = static_cast<int>(p_.communicators.size());
        for (uint32_t axes :
             meshes_[s].num_axes() == 2 ? std::vector<uint32_t>{1, 2} : std::vector<uint32_t>{1}) {
          columns = static_cast<int>(p_.communicators.size());
          auto groups = meshes_[s].groups(axes);
          for (auto& group : groups)
            for (int& r : group) r = ranks_[s][r];
          p_.communicators.push_back(groups);
        }
      }
      comms[kForward] = {rows};
      comms[kBackward] = {rows, columns};
      comms[kApply0] = {columns};
    }
    auto add = [&](Which which, const char* name, std::vector<Type> args, std::vector<int> alias,
                   std::vector<Type> results) {
      ModuleText m{
          name,        s, "", std::move(args), std::move(results), std::move(alias), !comms[which].empty(),
          comms[which]};
      p_.modules.push_back(std::move(m));
    };
    std::vector<Type> forward_results{x, x};
    if (last(s)) forward_results[1] = one;  // the loss of a microbatch
    add(kForward, "forward", {w, x, index}, {-1, -1, -1}, forward_results);
    std::vector<Type> args{w, x, w};
    std::vector<int> alias{-1, -1, 0};
    if (last(s))
      args.push_back(one), alias.push_back(1), args.push_back(one), alias.push_back(-1);
    else
      args.push_back(x), alias.push_back(-1);
    std::vector<Type> results{w};
    if (last(s)) results.push_back(one);
    if (s > 0) results.push_back(x);
    add(kBackward, "backward", args, alias, results);
    add(kApply0, "apply0", {w}, {-1}, {w, one});
    args = {w, w, w, w}, alias = {0, 1, 2, -1};
    for (size_t other = 0; o_.norm && other + 1 < meshes_.size(); ++other)
      args.push_back(one), alias.push_back(-1);
    add(kApply1, "apply1", args, alias, {w, w, w});
  }

  // --- one rank ---

  Slot fresh() { return r_->num_slots++; }

  Instruction& add(OpCode op, std::string label, int microbatch = -1) {
    Instruction i{op};
    i.label = std::move(label), i.microbatch = microbatch;
    r_->step.push_back(std::move(i));
    return r_->step.back();
  }

  void run(int s, Which which, int m, std::vector<Slot> args, std::vector<Slot> results) {
    const int module = s * kModules + which;
    Instruction& i = add(OpCode::kRun,
                         fmt::format("{}{}",
                                     which == kForward    ? "F"
                                     : which == kBackward ? "B"
                                                          : "apply",
                                     std::max(m, 0)),
                         m);
    i.module = module, i.args = std::move(args), i.results = std::move(results);
  }

  int tag(int from, int to, int m) const {
    const int edge = from * static_cast<int>(meshes_.size()) + to;
    return edge * (o_.microbatches + 1) + m + 1;
  }

  void send(int from, int to, int k, int m, Slot slot, const Type& type, bool scalar) {
    for (const Tile& t : tiles_between(from, to, scalar)) {
      if (t.from != k) continue;
      Instruction& i = add(OpCode::kSend, fmt::format("send to stage {}", to), m);
      i.args = {slot}, i.peer = ranks_[to][t.to], i.tag = tag(from, to, m), i.box = t.at_sender,
      i.type = type;
    }
  }

  void receive(int from, int to, int k, int m, Slot slot, const Type& type, bool scalar) {
    Instruction& i = add(OpCode::kRecv, fmt::format("receive from stage {}", from), m);
    i.results = {slot}, i.type = type;
    for (const Tile& t : tiles_between(from, to, scalar))
      if (t.to == k) i.pieces.push_back({ranks_[from][t.from], tag(from, to, m), -1, {}, t.at_receiver});
  }

  std::vector<Tile> tiles_between(int from, int to, bool scalar) const {
    if (scalar) return tiles(kOne, {}, meshes_[from], {}, meshes_[to]);
    return tiles(act_, rows_sharded(meshes_[from]), meshes_[from], rows_sharded(meshes_[to]), meshes_[to]);
  }

  void add_rank(int s, int k, const std::vector<Work>& work) {
    p_.ranks.push_back({.rank = ranks_[s][k], .stage = s, .index_in_mesh = k});
    r_ = &p_.ranks.back();
    for (int m = 0; m < kModules; ++m) r_->modules.push_back(s * kModules + m);
    const Slot w = fresh(), momentum = fresh(), acc = fresh();
    r_->device_index = fresh();
    const Box whole{{0, 0}, kWeight.shape};
    r_->residents.push_back({step::Role::kParam, 0, "w", w, kWeight, kWeight, whole});
    r_->residents.push_back({step::Role::kOptState, 0, "m", momentum, kWeight, kWeight, whole});
    Instruction zero{OpCode::kZero};
    zero.results = {acc}, zero.type = kWeight, zero.label = "zero accumulator";
    r_->setup.push_back(zero);
    const Slot loss = last(s) ? fresh() : -1;
    if (last(s)) {
      zero.results = {loss}, zero.type = kOne;
      r_->step.push_back(zero);
    }
    const int first_in = r_->num_slots;
    r_->num_slots += 4 * o_.microbatches;  // in, residual, out, gradient of each
    auto slot = [&](int what, int m) { return first_in + 4 * m + what; };
    for (const Work& job : work) {
      const int m = job.microbatch;
      if (job.forward) {
        if (s > 0)
          receive(s - 1, s, k, m, slot(0, m), local(s), false);
        else
          load(s, k, m, slot(0, m));
        run(s, kForward, m, {w, slot(0, m), r_->device_index}, {slot(1, m), slot(2, m)});
        if (!last(s)) send(s, s + 1, k, m, slot(2, m), local(s), false);
        continue;
      }
      std::vector<Slot> args{w, slot(1, m), acc}, results{acc};
      if (last(s))
        args.insert(args.end(), {loss, slot(2, m)}), results.push_back(loss);
      else
        receive(s + 1, s, k, m, slot(3, m), local(s), false), args.push_back(slot(3, m));
      const Slot gradient = fresh();
      if (s > 0) results.push_back(gradient);
      run(s, kBackward, m, args, results);
      if (s > 0) send(s, s - 1, k, m, gradient, local(s), false);
    }
    if (last(s) && k == 0) {
      Instruction& i = add(OpCode::kLoss, "loss");
      i.args = {loss}, i.type = kOne;
    }
    apply(s, k, w, momentum, acc);
    free_dead({w, momentum, acc, r_->device_index});
  }

  void load(int s, int k, int m, Slot slot) {
    Instruction& i = add(OpCode::kLoad, "load", m);
    i.results = {slot}, i.input = 0, i.type = local(s),
    i.box = block(act_, rows_sharded(meshes_[s]), meshes_[s], k);
  }

  void apply(int s, int k, Slot w, Slot momentum, Slot acc) {
    const Slot half = fresh(), norm = fresh(), new_w = fresh(), new_m = fresh();
    run(s, kApply0, -1, {acc}, {half, norm});
    std::vector<Slot> args{w, momentum, acc, half};
    const int stages = static_cast<int>(meshes_.size());
    for (int other = 0; o_.norm && other < stages; ++other)
      if (other != s) send(s, other, k, -1, norm, kOne, true);
    for (int other = 0; o_.norm && other < stages; ++other) {
      if (other == s) continue;
      args.push_back(fresh());
      receive(other, s, k, -1, args.back(), kOne, true);
    }
    run(s, kApply1, -1, args, {new_w, new_m, acc});
    for (auto [from, to] : {std::pair{new_w, w}, std::pair{new_m, momentum}}) {
      Instruction& i = add(OpCode::kMove, "new value in place");
      i.args = {from}, i.results = {to};
    }
  }

  void free_dead(const std::set<Slot>& kept) {
    std::map<Slot, size_t> last;
    std::set<Slot> moved;
    for (size_t i = 0; i < r_->step.size(); ++i) {
      for (Slot s : r_->step[i].args) last[s] = i;
      for (Slot s : r_->step[i].results) last[s] = i;
      if (r_->step[i].op == OpCode::kMove) moved.insert(r_->step[i].args[0]);
    }
    std::map<size_t, std::vector<Slot>> dead;
    for (const auto& [s, i] : last)
      if (!kept.count(s) && !moved.count(s)) dead[i].push_back(s);
    std::vector<Instruction> list;
    for (size_t i = 0; i < r_->step.size(); ++i) {
      list.push_back(r_->step[i]);
      if (!dead.count(i)) continue;
      Instruction free{OpCode::kFree};
      free.args = dead[i], free.label = "free";
      list.push_back(std::move(free));
    }
    r_->step = std::move(list);
  }

  void loss_to_rank_zero() {
    for (RankProgram& r : p_.ranks)
      for (Instruction& i : r.step) {
        if (i.op != OpCode::kLoss || r.rank == 0) continue;
        const Instruction report = i;
        constexpr int kLossTag = 99999;
        i.op = OpCode::kSend, i.peer = 0, i.tag = kLossTag, i.label = "send loss";
        RankProgram& zero = p_.ranks[0];
        Instruction receive{OpCode::kRecv}, loss = report, free{OpCode::kFree};
        receive.results = loss.args = free.args = {zero.num_slots++};
        receive.type = kOne, receive.label = "receive loss", free.label = "free";
        receive.pieces.push_back({r.rank, kLossTag, -1, {}, {}});
        for (const Instruction& next : {receive, loss, free}) zero.step.push_back(next);
        return;
      }
  }

  const PipelineOptions o_;
  const Type act_, kWeight = Type::tensor(DType::kF32, {3, 3}), kOne = Type::tensor(DType::kF32);
  Program p_;
  RankProgram* r_ = nullptr;
  std::vector<Mesh> meshes_;
  std::vector<std::vector<int>> ranks_;
};

}  // namespace

Program make_pipeline(const PipelineOptions& options) { return Maker(options).make(); }

}  // namespace cordata::tests
