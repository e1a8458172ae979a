// SPDX-License-Identifier: Apache-2.0
#include "cordata/planner/step_parts.h"

#include <algorithm>
#include <numeric>
#include <set>
#include <unordered_map>
#include <unordered_set>

#include "cordata/ir/op_table.h"
#include "cordata/planner/intra_op/describe.h"
#include "cordata/planner/intra_op/layer_part.h"
#include "cordata/step/shorten.h"

namespace cordata::planner {
StepParts::StepParts(const step::JointStep& joint, const step::Layers& layers, int num_layers,
                     const cluster::Cluster& cluster, const std::vector<Fix>& fixes,
                     const std::vector<std::vector<bool>>& batch, std::vector<int> base_op, WholeStep whole)
    : joint_(joint),
      layers_(layers),
      num_layers_(num_layers),
      cluster_(cluster),
      fixes_(fixes),
      batch_(batch),
      base_op_(std::move(base_op)),
      whole_(std::move(whole)) {}

std::vector<int> StepParts::each_layer_a_stage() const {
  std::vector<int> each(num_layers_);
  std::iota(each.begin(), each.end(), 0);
  return each;
}

const step::Homes& StepParts::homes() {
  if (!homes_) homes_ = step::find_homes(joint_, layers_, each_layer_a_stage());
  return *homes_;
}

// Of the joint graph's ops, as all of one stage or of several.
std::vector<cost::OpTime> StepParts::times_of_joint(const std::vector<int>& kinds, bool single_stage) const {
  std::vector<step::Pass> passes;
  for (const auto phase : joint_.phase)
    passes.push_back({phase == step::Phase::kAccumulate ? step::Phase::kBackward : phase, 0});
  return cost::op_times(joint_.graph, cluster_, kinds, modules_of(passes, joint_.microbatches, single_stage));
}

// Tells a layer's part which dims of what its ops make count samples.
void StepParts::add_samples(StageView& part, const step::StageGraph& graph,
                            const std::vector<int>& places) const {
  for (size_t i = 0; i < places.size(); ++i) {
    const int from = graph.origin[places[i]];
    if (from < 0 || part.ops[i].constant_like) continue;
    const auto& node = joint_.graph.node(joint_.graph.ops()[from]);
    for (size_t r = 0; r < part.ops[i].results.size(); ++r) {
      const auto& dims = batch_[node.result(static_cast<int>(r)).index];
      for (size_t d = 0; d < dims.size(); ++d)
        if (dims[d]) part.samples_at.emplace_back(part.ops[i].results[r], static_cast<int>(d));
    }
  }
}

// What a microbatch sends over each boundary of layers: from where it is made to each layer that reads it.
void StepParts::find_crossing() {
  const auto& homes = this->homes();
  const auto& graph = joint_.graph;
  crossing_forward_.assign(num_layers_ + 1, 0), crossing_backward_.assign(num_layers_ + 1, 0);
  std::set<ir::ValueId> carried;  // arguments with a new value each microbatch
  for (size_t a = 0; a < joint_.args.size(); ++a)
    if (joint_.args[a].role == step::Role::kState) carried.insert(graph.args()[a]);
  std::unordered_set<int64_t> seen;  // value and reader's layer
  const auto read = [&](ir::ValueId v, int to) {
    const auto& home = homes.of(v);
    if (home.kind != step::Home::Kind::kStage || home.stage == to || !graph.type(v).is_tensor()) return;
    if (!graph.value(v).def.valid() && !carried.contains(v)) return;
    if (!seen.insert(int64_t{v.index} * num_layers_ + to).second) return;
    auto& crossing = home.stage < to ? crossing_forward_ : crossing_backward_;
    for (int l = std::min(home.stage, to); l < std::max(home.stage, to); ++l)
      crossing[l + 1] += static_cast<double>(graph.type(v).num_bytes());
  };
  for (size_t i = 0; i < homes.op.size(); ++i) {
    if (homes.op[i].kind != step::Home::Kind::kStage || joint_.phase[i] == step::Phase::kApply) continue;
    const auto& node = graph.node(graph.ops()[i]);
    for (const auto v : node.operands) read(v, homes.op[i].stage);
    for (const auto v : ir::captures(graph, node)) read(v, homes.op[i].stage);
  }
}

// Of layers that are alike the first is cut out, as a stage of its own between those of the others.
void StepParts::find() {
  if (!parts_.empty()) return;
  find_crossing();
  const auto& homes = this->homes();
  const auto kinds = cluster_.kinds_in(0, 1);
  std::vector<std::vector<cost::OpTime>> times{times_of_joint(kinds, false)};
  for (const int kind : cluster_.kinds_in(0, cluster_.num_devices()))
    if (std::vector{kind} != kinds) times.push_back(times_of_joint({kind}, false));
  auto like = alike_layers(joint_, homes, times);
  std::map<std::pair<int, const Fix*>, int> alike;  // differently fixed layers are not
  for (int l = 0; l < num_layers_; ++l)
    like[l] = alike.try_emplace({like[l], fix_of(fixes_, l)}, l).first->second;
  std::vector<int> stage_of_layer;
  for (int l = 0; l < num_layers_; ++l)
    stage_of_layer.push_back(l == 0 ? 0 : stage_of_layer.back() + (like[l] == l || like[l - 1] == l - 1));
  const auto cut = step::cut(joint_, layers_, stage_of_layer);
  const auto own_ops_of = step::ops_of_layers(homes);
  auto& parts = parts_[kinds];
  parts.resize(num_layers_), part_ops_.resize(num_layers_), alone_.resize(num_layers_);
  for (int l = 0; l < num_layers_; ++l) {
    if (like[l] != l) continue;
    const auto& graph = cut.stages[stage_of_layer[l]];
    const auto own = own_ops(graph, joint_.graph, homes);
    const auto stage = describe(graph, cluster_, 0, 1, joint_.microbatches, 1);
    std::vector<int> places;
    parts[l] = layer_part(stage, own, &places);
    if (!batch_.empty()) add_samples(parts[l], graph, places);
    for (const int place : places) {
      part_ops_[l].push_back(own[place] ? graph.origin[place] : -1);
      const auto& op = stage.ops[place];
      alone_[l].push_back({op.seconds, op.launch});
    }
  }
  for (int l = 0; l < num_layers_; ++l) {
    if (like[l] == l) continue;
    part_ops_[l] = part_ops_[like[l]];
    const auto &theirs = own_ops_of[like[l]], &mine = own_ops_of[l];
    for (size_t k = 0; k < part_ops_[l].size(); ++k)
      if (int& op = part_ops_[l][k]; op >= 0)
        op = mine[std::lower_bound(theirs.begin(), theirs.end(), op) - theirs.begin()];
  }
  give_times(parts, times[0]);
  std::unordered_map<std::string, int> first_with;
  for (int l = 0; l < num_layers_; ++l) {
    if (like[l] < l) {
      same_part_.push_back(same_part_[like[l]]);
      continue;
    }
    const Fix* fix = fix_of(fixes_, l);
    std::string print = fix ? fix->words : "";
    for (const int kind : cluster_.kinds_in(0, cluster_.num_devices())) print += fingerprint(of({kind})[l]);
    same_part_.push_back(first_with.try_emplace(std::move(print), l).first->second);
  }
  find_base_ops();
}

// A layer of keys has the ops of the one that stands for it, each as the base step has it in its place.
void StepParts::find_base_ops() {
  std::map<int, int> kept;  // by own layer: the first of keys, which it is
  for (int l = 0; l < num_whole(); ++l) {
    const int own = own_layer(l);
    part_of_.push_back(same_part_[own]);
    kept.try_emplace(own, l);
    auto& ops = base_ops_.emplace_back();
    for (int op : part_ops_[own]) {
      if (op >= 0 && !base_op_.empty()) op = base_op_[op];
      if (op >= 0 && kept[own] != l) {
        const auto& theirs = whole_.ops[kept[own]];
        op = whole_.ops[l][std::lower_bound(theirs.begin(), theirs.end(), op) - theirs.begin()];
      }
      ops.push_back(op);
    }
  }
}

// Ops are part of the same kernels in every stage that holds their layer, where they are both in a stage of
// that layer alone and in one of all layers; else they take the least of these.
void StepParts::find_least_seconds() {
  const auto kinds = cluster_.kinds_in(0, 1);
  const auto times = times_of_joint(kinds, false), in_one = times_of_joint(kinds, true);
  least_seconds_.resize(num_layers_);
  for (int l = 0; l < num_layers_; ++l) {
    const auto& alone = alone_[same_part_[l]];
    auto& leasts = least_seconds_[same_part_[l]];
    leasts.resize(alone.size(), -1);
    for (size_t k = 0; k < alone.size(); ++k) {
      const int op = part_ops_[l][k];
      if (op < 0) continue;
      double least = alone[k].seconds;
      bool differ = false;
      for (const auto* t : {&times[op], &in_one[op]}) {
        differ = differ || t->seconds != alone[k].seconds || t->launch != alone[k].launch;
        least = std::min(least, t->seconds);
      }
      if (differ) leasts[k] = leasts[k] < 0 ? least : std::min(leasts[k], least);
    }
  }
}

void StepParts::give_times(std::vector<StageView>& parts, const std::vector<cost::OpTime>& times) const {
  for (size_t l = 0; l < parts.size(); ++l)
    for (size_t k = 0; k < parts[l].ops.size(); ++k)  // none where the layer is like another
      if (const int op = part_ops_[l][k]; op >= 0) take(parts[l].ops[k], times[op]);
}

const std::vector<StageView>& StepParts::of(const std::vector<int>& kinds) {
  find();
  if (const auto it = parts_.find(kinds); it != parts_.end()) return it->second;
  auto parts = parts_.at(cluster_.kinds_in(0, 1));
  give_times(parts, times_of_joint(kinds, false));
  return parts_[kinds] = std::move(parts);
}

const std::vector<double>& StepParts::least_seconds(int layer) {
  if (least_seconds_.empty()) find_least_seconds();
  return least_seconds_[layer];
}

}  // namespace cordata::planner
