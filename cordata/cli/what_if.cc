// SPDX-License-Identifier: Apache-2.0
#include "cordata/cli/what_if.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <nlohmann/json.hpp>

#include "cordata/base/did_you_mean.h"
#include "cordata/base/error.h"
#include "cordata/base/parallel.h"
#include "cordata/cluster/change.h"
#include "cordata/cost/meshes.h"
#include "cordata/planner/same_choices.h"
#include "cordata/simulate/simulate.h"

namespace cordata::cli {
namespace {

using nlohmann::json;

constexpr double kEndless = 1e30;             // bandwidth or operations a second
constexpr size_t kFewInstructions = 200'000;  // of all ranks: one simulation takes less than half a second
constexpr double kLeastShare = 0.005;         // of the step: what is less isn't told

int parse_count(const std::string& field, const std::string& word, int now) {
  const bool times = word.ends_with('x');
  double n = 0;
  const char* last = word.data() + word.size() - times;
  const auto [end, error] = std::from_chars(word.data(), last, n);
  if (times) n *= now;
  if (error != std::errc() || end != last || n < 1 || n > 1e9 || n != static_cast<int>(n))
    throw base::user_error(
        "[cli] {}: wanted a whole number above 0, or so many times what it is such as 2x, got '{}'", field,
        word);
  return static_cast<int>(n);
}

// What a step's remat is in one word, where it is one.
std::string remat_now(const plan::Plan& plan) {
  if (plan.remat.empty()) return "none";
  const bool alike = std::ranges::count(plan.remat, plan.remat[0]) == static_cast<int64_t>(plan.remat.size());
  return alike ? std::string(step::name(plan.remat[0])) : "mixed";
}

// The fields of the step: what each was, and what it becomes.
struct StepField {
  const char* name;
  std::string (*now)(const plan::Plan& plan);
  std::string (*set)(Changes& changes, const plan::Plan& plan, const std::string& word);
};
const StepField kStepFields[] = {
    {"microbatches", [](const plan::Plan& p) { return std::to_string(p.microbatches); },
     [](Changes& c, const plan::Plan& p, const std::string& word) {
       c.microbatches = parse_count("microbatches", word, p.microbatches);
       return std::to_string(*c.microbatches);
     }},
    {"remat", remat_now,
     [](Changes& c, const plan::Plan&, const std::string& word) {
       if (!(c.remat = step::remat_named(word)))
         throw base::user_error("[cli] remat: wanted none, selective or layer, got '{}'", word);
       return word;
     }},
    {"schedule", [](const plan::Plan& p) { return p.schedule; },
     [](Changes& c, const plan::Plan&, const std::string& word) {
       if (word != "1f1b" && word != "gpipe")
         throw base::user_error("[cli] schedule: wanted 1f1b or gpipe, got '{}'", word);
       c.schedule = word;
       return word;
     }}};

const StepField* step_field(const std::string& name) {
  for (const StepField& f : kStepFields)
    if (f.name == name) return &f;
  return nullptr;
}

// The first word of a path is looked for among the cluster's and the step's fields.
void check_first(const json& cluster, const std::string& path) {
  const std::string first = path.substr(0, path.find_first_of(".["));
  std::vector<std::string> known = {"price", "racks"};  // may be added
  for (const auto& [key, unused] : cluster.items()) known.push_back(key);
  for (const StepField& f : kStepFields) known.emplace_back(f.name);
  if (std::ranges::find(known, first) == known.end())
    throw base::user_error(
        "[cli] wanted a field of the cluster (such as device.memory; `cordata cluster show -o FILE` writes "
        "all) or "
        "microbatches, schedule or remat, got '{}'.{}",
        path, base::did_you_mean(first, known));
}

struct Resource {
  const char* name;
  void (*free)(cluster::Cluster& cluster);
};
const Resource kResources[] = {
    {"operations of the devices",
     [](cluster::Cluster& c) {
       for (auto& [type, peak] : c.device.peak) peak = base::FlopsPerSecond(kEndless);
     }},
    {"memory bandwidth",
     [](cluster::Cluster& c) { c.device.memory_bandwidth = base::BytesPerSecond(kEndless); }},
    {"starting ops", [](cluster::Cluster& c) { c.device.launch = base::Seconds(0); }},
    {"links in a host",
     [](cluster::Cluster& c) {
       c.intra.alpha = base::Seconds(0), c.intra.bandwidth = base::BytesPerSecond(kEndless);
       for (auto& w : c.wires) w.bandwidth = base::BytesPerSecond(kEndless);
     }},
    {"links between hosts", [](cluster::Cluster& c) {
       c.inter.alpha = base::Seconds(0), c.inter.bandwidth = base::BytesPerSecond(kEndless);
       if (c.racks) c.racks->alpha = base::Seconds(0);
     }}};

}  // namespace

Changes::Changes(const std::vector<std::string>& words, const plan::Plan& plan) {
  json before = plan.cluster;
  json after = before;
  for (const std::string& word : words) {
    const auto equals = word.find('=');
    if (equals == std::string::npos || equals == 0 || equals + 1 == word.size())
      throw base::user_error("[cli] wanted changes as FIELD=VALUE, such as inter.bandwidth=2x, got '{}'",
                             word);
    const std::string field = word.substr(0, equals), value = word.substr(equals + 1);
    if (const StepField* f = step_field(field)) {
      all.push_back({field, f->now(plan), f->set(*this, plan, value)});
      continue;
    }
    check_first(after, field);
    cluster::change_field(after, field, value);
  }
  cluster = after.get<cluster::Cluster>();
  for (const auto& change : json::diff(before.flatten(), after.flatten())) {
    const json::json_pointer flat(change.at("path").get<std::string>());
    const std::string path = flat.back();  // of the flattened object: a pointer as a key
    std::string name = path.substr(1);
    std::replace(name.begin(), name.end(), '/', '.');
    const json::json_pointer at(path);
    all.push_back({name, before.contains(at) ? before[at].dump() : "none", after[at].dump()});
  }
  other_devices =
      cluster.hosts != plan.cluster.hosts || cluster.devices_per_host != plan.cluster.devices_per_host;
  if (before != after) {
    cluster.name += " with";
    for (const std::string& word : words)
      if (!step_field(word.substr(0, word.find('=')))) cluster.name += " " + word;
  }
}

plan::Plan changed_plan(const plan::Plan& plan, const step::TrainStep& step, const Changes& changes) {
  plan::Plan out = plan;
  out.cluster = changes.cluster;
  for (auto& stage : out.stages)
    stage.mesh = cost::make_mesh(out.cluster, stage.ranks.front(), stage.mesh.shape);
  out.microbatches = changes.microbatches.value_or(plan.microbatches);
  if (const auto ops = step::build_joint(step, out.microbatches).graph.ops().size(); ops != out.layers.size())
    throw base::user_error(
        "[cli] microbatches: with {} the step has {} ops and with {} it has {}, so the plan's choices can't "
        "be kept "
        "(one microbatch has no gradients to add up); try --replan",
        plan.microbatches, out.layers.size(), out.microbatches, ops);
  if (changes.schedule && plan.stages.size() > 1) out.schedule = *changes.schedule;
  if (changes.remat) return planner::with_remat(step, out, *changes.remat);
  if (changes.microbatches) out.bill = plan::bill(out, plan::planned_cut(plan::planned_step(step, out), out));
  return out;
}

Costed cost_plan(const plan::Plan& plan, const program::Program& program, bool always) {
  size_t instructions = 0;
  for (const auto& rank : program.ranks) instructions += rank.step.size();
  const bool binds = always || instructions <= kFewInstructions;
  const int count = binds ? static_cast<int>(std::size(kResources)) : 0;
  std::vector<simulate::SimulationResult> results(count + 1);  // the last: nothing is free
  simulate::SimulationOptions options;
  options.steps = 2;  // enough for the time from one step's end to the next one's
  base::parallel_for(count + 1, [&](int r) {
    auto cluster = plan.cluster;
    if (r < count) kResources[r].free(cluster);
    results[r] = simulate::simulate(program, cluster, options);
    results[r].ranks.clear();
  });
  Costed out{plan, results[count].step, results[count].peak_memory, {}};
  if (binds) out.binds.emplace();
  for (int r = 0; r < count; ++r) {
    const double share = 1 - results[r].step / out.step;
    if (share >= kLeastShare) out.binds->push_back({kResources[r].name, share});
  }
  if (binds) std::ranges::stable_sort(*out.binds, std::greater<>(), &Costed::Bound::share);
  return out;
}

}  // namespace cordata::cli
