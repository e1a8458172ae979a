// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "cordata/base/table.h"
#include "cordata/report/explanation.h"
#include "cordata/report/plan_text.h"

namespace cordata::report {
namespace {

constexpr size_t kOpsShown = 14;
constexpr size_t kRestingShown = 10;

// The ops that a step spends most on, with the way that is next best for each.
std::string op_table(const StageExplanation& s) {
  std::vector<const OpGroup*> sorted;
  for (const auto& g : s.ops) sorted.push_back(&g);
  const auto time = [](const OpGroup* g) { return (g->compute + g->reshard).value; };
  std::stable_sort(sorted.begin(), sorted.end(), [&](auto* a, auto* b) { return time(a) > time(b); });
  std::vector<std::vector<std::string>> rows = {
      {"op", "times", "pass", "compute", "reshard", "types", "rule", "split along", "next best, a step"}};
  for (size_t i = 0; i < std::min(kOpsShown, sorted.size()); ++i) {
    const OpGroup& g = *sorted[i];
    rows.push_back({g.kind, std::to_string(g.count), g.pass,
                    base::to_string(g.compute) + (g.measured ? " measured" : ""), base::to_string(g.reshard),
                    g.types, g.rule.substr(0, g.rule.find(" {")), g.replicated ? "nothing" : g.strategy,
                    g.others.empty()
                        ? "no other way"
                        : fmt::format("{}: {}", g.others[0].strategy, more_words(g.others[0].more))});
  }
  std::string text = base::table(rows);
  if (sorted.size() > kOpsShown)
    text += fmt::format("and {} more kinds of ops; --html or --json show all\n", sorted.size() - kOpsShown);
  return text;
}

std::string resting_table(const StageExplanation& s) {
  std::vector<const RestingGroup*> sorted;
  for (const auto& g : s.resting) sorted.push_back(&g);
  std::stable_sort(sorted.begin(), sorted.end(),
                   [](auto* a, auto* b) { return a->per_device > b->per_device; });
  std::vector<std::vector<std::string>> rows = {
      {"on the devices", "tensors", "whole", "sharded", "a device's", "bytes a device", "e.g."}};
  for (size_t i = 0; i < std::min(kRestingShown, sorted.size()); ++i) {
    const RestingGroup& g = *sorted[i];
    rows.push_back({g.role, std::to_string(g.count), g.type, g.sharding, g.local_type,
                    base::to_string(g.per_device), g.example});
  }
  std::string text = base::table(rows);
  if (sorted.size() > kRestingShown)
    text += fmt::format("and {} more kinds\n", sorted.size() - kRestingShown);
  return text;
}

std::string stage_text(const Explanation& e, size_t i) {
  const auto& plan = e.plan.stages[i];
  const StageExplanation& s = e.stages[i];
  std::string text = fmt::format("\nStage {}: ranks {}, mesh {}\n", i, stage_ranks(plan),
                                 plan.mesh.shape.empty() ? "1" : sharding::to_string(plan.mesh));
  text += fmt::format(
      "memory of a device, predicted: {} = parameters {} + optimizer state {} + gradients {} + in passing "
      "{}\n",
      base::to_string(plan.predicted.peak_memory), base::to_string(s.parameters),
      base::to_string(s.optimizer), base::to_string(s.accumulators), base::to_string(s.passing));
  int replicated = 0;
  base::Seconds wasted{0};
  for (const auto& g : s.ops)
    if (g.replicated) replicated += g.count, wasted += g.compute;
  if (replicated > 0)
    text += fmt::format("{} ops are computed alike on all devices of the stage, {} a step\n", replicated,
                        base::to_string(wasted));
  return text + "\n" + op_table(s) + "\n" + resting_table(s);
}

std::string others_text(const Explanation& e) {
  if (e.others.empty()) return "";
  std::vector<std::vector<std::string>> rows = {
      {"planner", "step", "of this one's", "memory", "stages", "microbatches", ""}};
  for (const OtherPlan& o : e.others) {
    if (!o.refused.empty())
      rows.push_back({o.planner, "-", "-", "-", "-", "-", o.refused});
    else
      rows.push_back({o.planner, base::to_string(o.step), fmt::format("{:.2f} x", o.step / e.plan.step),
                      base::to_string(o.peak_memory), std::to_string(o.stages),
                      std::to_string(o.microbatches), ""});
  }
  return "\nOther planners, same model and cluster\n" + base::table(rows);
}

}  // namespace

std::string to_text(const Explanation& e) {
  std::string text = plan_text(e.plan, e.units_per_step, e.unit);
  for (size_t i = 0; i < e.stages.size(); ++i) text += stage_text(e, i);
  return text + others_text(e);
}

nlohmann::ordered_json to_json(const Explanation& e) {
  using json = nlohmann::ordered_json;
  json stages = json::array(), others = json::array();
  for (const StageExplanation& s : e.stages) {
    json ops = json::array(), resting = json::array();
    for (const OpGroup& g : s.ops) {
      json ways = json::array();
      for (const OtherWay& w : g.others) ways.push_back({{"strategy", w.strategy}, {"more_s", w.more.value}});
      ops.push_back({{"op", g.kind},
                     {"count", g.count},
                     {"pass", g.pass},
                     {"types", g.types},
                     {"rule", g.rule},
                     {"strategy", g.strategy},
                     {"result", g.result},
                     {"replicated", g.replicated},
                     {"compute_s", g.compute.value},
                     {"source", g.measured ? "measured" : "modelled"},
                     {"reshard_s", g.reshard.value},
                     {"others", ways}});
    }
    for (const RestingGroup& g : s.resting)
      resting.push_back({{"role", g.role},
                         {"count", g.count},
                         {"type", g.type},
                         {"sharding", g.sharding},
                         {"local_type", g.local_type},
                         {"example", g.example},
                         {"bytes_per_device", g.per_device.value}});
    stages.push_back({{"parameter_bytes", s.parameters.value},
                      {"optimizer_bytes", s.optimizer.value},
                      {"gradient_bytes", s.accumulators.value},
                      {"passing_bytes", s.passing.value},
                      {"ops", ops},
                      {"resting", resting}});
  }
  for (const OtherPlan& o : e.others) {
    if (!o.refused.empty())
      others.push_back({{"planner", o.planner}, {"refused", o.refused}});
    else
      others.push_back({{"planner", o.planner},
                        {"step_s", o.step.value},
                        {"peak_memory_bytes", o.peak_memory.value},
                        {"stages", o.stages},
                        {"microbatches", o.microbatches}});
  }
  return {{"format", "cordata.explanation/1"},
          {"model", e.plan.model},
          {"planner", e.plan.planner},
          {"step_s", e.plan.step.value},
          {"peak_memory_bytes", e.plan.peak_memory.value},
          {"stages", stages},
          {"others", others}};
}

}  // namespace cordata::report
