// SPDX-License-Identifier: Apache-2.0
#include "cordata/report/plan_text.h"

#include <fmt/format.h>

#include <algorithm>

#include "cordata/base/table.h"

namespace cordata::report {
namespace {

std::string head(const plan::Plan& p, double units_per_step, const std::string& unit) {
  const size_t stages = p.stages.size();
  size_t devices = 0;
  for (const auto& s : p.stages) devices += s.ranks.size();
  std::string text =
      fmt::format("{} on {} by {}: {} stage{}, {} of {} devices, {} microbatch{}, schedule {}\n", p.model,
                  p.cluster.name, p.planner, stages, stages == 1 ? "" : "s", devices, p.cluster.num_devices(),
                  p.microbatches, p.microbatches == 1 ? "" : "es", p.schedule);
  text += fmt::format("predicted: step {}, {} {}/s, at most {} of {} a device, gap {:.2g} %\n",
                      base::to_string(p.step),
                      base::with_commas(static_cast<int64_t>(units_per_step / std::max(p.step.value, 1e-12))),
                      unit, base::to_string(p.peak_memory), base::to_string(fullest_memory(p)), 100 * p.gap);
  text += fmt::format("objective {}: {:.4g} {}\n", p.objective.name, p.objective.value, p.objective.unit);
  if (!p.remat.empty()) text += fmt::format("backward passes compute again: {}\n", remat_words(p.remat));
  return text;
}

std::string stage_table(const plan::Plan& p) {
  std::vector<std::vector<std::string>> rows = {
      {"stage", "ranks", "mesh", "layers", "forward", "backward", "update", "memory"}};
  for (size_t i = 0; i < p.stages.size(); ++i) {
    const auto& s = p.stages[i];
    rows.push_back({std::to_string(i), stage_ranks(s),
                    s.mesh.shape.empty() ? "1" : sharding::to_string(s.mesh), layer_words(s),
                    base::to_string(s.predicted.forward), base::to_string(s.predicted.backward),
                    base::to_string(s.predicted.apply), base::to_string(s.predicted.peak_memory)});
  }
  return base::table(rows);
}

// Lines of one kind and stage, summed: what one device hands to collectives in a step.
std::string bill_table(const plan::Plan& p) {
  std::vector<std::vector<std::string>> rows = {
      {"communication", "stage", "over", "calls a step", "bytes a step"}};
  for (size_t i = 0; i < p.bill.size();) {
    const auto& first = p.bill[i];
    int64_t calls = 0;
    double bytes = 0;
    for (; i < p.bill.size() && p.bill[i].kind == first.kind && p.bill[i].stage == first.stage &&
           p.bill[i].axes == first.axes;
         ++i) {
      calls += p.bill[i].count;
      bytes += p.bill[i].bytes * static_cast<double>(p.bill[i].count);
    }
    rows.push_back({first.kind, std::to_string(first.stage), axes_words(p, first), base::with_commas(calls),
                    base::to_string(base::Bytes(bytes))});
  }
  return rows.size() > 1 ? base::table(rows) : "no communication\n";
}

}  // namespace

base::Bytes device_memory(const plan::Plan& p, const plan::Stage& stage) {
  base::Bytes least = p.cluster.device_at(stage.ranks.front()).memory;
  for (const int r : stage.ranks) least = std::min(least, p.cluster.device_at(r).memory);
  return least;
}

base::Bytes fullest_memory(const plan::Plan& p) {
  return device_memory(p, *std::ranges::max_element(
                              p.stages, {}, [](const plan::Stage& s) { return s.predicted.peak_memory; }));
}

std::string layer_words(const plan::Stage& s) {
  return s.num_layers == 1 ? std::to_string(s.first_layer)
                           : fmt::format("{}-{}", s.first_layer, s.first_layer + s.num_layers - 1);
}

// Runs of layers with one word: "layer (0-3), none (4)"; one run: the word alone.
std::string remat_words(const std::vector<step::Remat>& by_layer) {
  if (by_layer.empty()) return "none";
  std::string text;
  for (size_t from = 0, to = 0; from < by_layer.size(); from = to) {
    while (to < by_layer.size() && by_layer[to] == by_layer[from]) ++to;
    text += fmt::format("{}{}", text.empty() ? "" : ", ", step::name(by_layer[from]));
    if (to - from == by_layer.size()) return text;
    text += to - from == 1 ? fmt::format(" ({})", from) : fmt::format(" ({}-{})", from, to - 1);
  }
  return text;
}

std::string stage_ranks(const plan::Stage& stage) {
  const auto& r = stage.ranks;
  const bool run = std::adjacent_find(r.begin(), r.end(), [](int a, int b) { return b != a + 1; }) == r.end();
  if (run && r.size() > 1) return fmt::format("{}-{}", r.front(), r.back());
  std::string text;
  for (const int rank : r) text += fmt::format("{}{}", text.empty() ? "" : ",", rank);
  return text;
}

std::string axes_words(const plan::Plan& plan, const plan::BillLine& line) {
  if (line.kind == "send" || line.stage < 0 || line.stage >= static_cast<int>(plan.stages.size())) return "";
  const auto& mesh = plan.stages[line.stage].mesh;
  std::string axes;
  int64_t devices = 1;
  for (int a = 0; a < mesh.num_axes(); ++a)
    if (line.axes >> a & 1) {
      axes += fmt::format("{}{}", axes.empty() ? "" : "+", a);
      devices *= mesh.shape[a];
    }
  return fmt::format("axis {} ({} devices)", axes, devices);
}

std::string more_words(base::Seconds more) {
  return more.value == 0 ? "the same" : fmt::format("{}{}", more.value > 0 ? "+" : "", base::to_string(more));
}

std::string plan_text(const plan::Plan& plan, double units_per_step, const std::string& unit) {
  std::string text = head(plan, units_per_step, unit) + "\n" + stage_table(plan) + "\n" + bill_table(plan);
  for (const auto& note : plan.notes) text += "note: " + note + "\n";
  return text;
}

}  // namespace cordata::report
