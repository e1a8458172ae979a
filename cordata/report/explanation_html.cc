// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <algorithm>

#include "cordata/base/table.h"
#include "cordata/report/html.h"
#include "cordata/report/plan_text.h"

namespace cordata::report {
namespace {

std::string card(const std::string& value, const std::string& words) {
  return fmt::format("<div class=\"card\"><b>{}</b>{}</div>\n", escape_html(value), escape_html(words));
}

std::string head(const Explanation& e) {
  const auto& p = e.plan;
  std::string text = fmt::format("<h1>{} on {}</h1>\n<div class=\"cards\">\n", escape_html(p.model),
                                 escape_html(p.cluster.name));
  text += card(base::to_string(p.step), "a step, predicted");
  text += card(base::with_commas(static_cast<int64_t>(e.units_per_step / std::max(p.step.value, 1e-12))),
               e.unit + " a second");
  text += card(base::to_string(p.peak_memory),
               "of " + base::to_string(fullest_memory(p)) + " on the fullest device");
  text += card(std::to_string(p.stages.size()), p.stages.size() == 1 ? "stage" : "stages, " + p.schedule);
  text += card(std::to_string(p.microbatches), p.microbatches == 1 ? "microbatch" : "microbatches");
  text += card(fmt::format("{:.2g} %", 100 * p.gap), "from proven best, at most");
  return text + "</div>\n<p>Found by the planner <i>" + escape_html(p.planner) + "</i>.</p>\n";
}

std::string stage_list(const plan::Plan& p) {
  std::vector<std::vector<std::string>> rows = {
      {"stage", "ranks", "mesh", "layers", "forward", "backward", "update", "memory"}};
  for (size_t i = 0; i < p.stages.size(); ++i) {
    const auto& s = p.stages[i];
    rows.push_back({std::to_string(i), stage_ranks(s),
                    s.mesh.shape.empty() ? "1" : sharding::to_string(s.mesh),
                    fmt::format("{} to {}", s.first_layer, s.first_layer + s.num_layers - 1),
                    base::to_string(s.predicted.forward), base::to_string(s.predicted.backward),
                    base::to_string(s.predicted.apply), base::to_string(s.predicted.peak_memory)});
  }
  return "<h2>Stages</h2>\n<p>Forward and backward are of one microbatch.</p>\n" + html_table(rows);
}

std::string bill(const plan::Plan& p) {
  std::vector<std::vector<std::string>> rows = {
      {"what", "stage", "over", "bytes a call", "calls a step", "bytes a step"}};
  for (const auto& line : p.bill)
    rows.push_back({line.kind, std::to_string(line.stage), axes_words(p, line),
                    base::to_string(base::Bytes(line.bytes)), base::with_commas(line.count),
                    base::to_string(base::Bytes(line.bytes * static_cast<double>(line.count)))});
  return "<h2>The bill: what is communicated</h2>\n<p>Bytes that one device hands to a collective; of sends, "
         "all that crosses between stages.</p>\n" +
         (rows.size() > 1 ? html_table(rows) : "<p>Nothing.</p>\n");
}

std::string memory_bar(const StageExplanation& s, base::Bytes limit) {
  const std::pair<base::Bytes, std::pair<const char*, const char*>> parts[] = {
      {s.parameters, {"f", "parameters"}},
      {s.optimizer, {"a", "optimizer state"}},
      {s.accumulators, {"b", "gradients"}},
      {s.passing, {"s", "in passing"}}};
  std::string bar = "<div class=\"memory\">", words = "<p>";
  for (const auto& [bytes, look] : parts) {
    bar += fmt::format("<div class=\"{}\" style=\"width:{:.2f}%\"></div>", look.first,
                       std::min(100.0, 100 * (bytes / limit)));
    words +=
        fmt::format("<span class=\"key {}\"></span>{} {}", look.first, look.second, base::to_string(bytes));
  }
  return bar + "</div>\n" + words + fmt::format(", of {} a device</p>\n", base::to_string(limit));
}

std::string ops_table(const StageExplanation& s) {
  std::vector<std::vector<std::string>> rows = {{"op", "times", "pass", "types", "rule", "split along",
                                                 "its result", "compute a step", "reshard a step",
                                                 "other ways, a step"}};
  for (const OpGroup& g : s.ops) {
    std::string ways;
    for (const OtherWay& w : g.others)
      ways += fmt::format("{}{}: {}", ways.empty() ? "" : "; ", w.strategy, more_words(w.more));
    rows.push_back({g.kind, std::to_string(g.count), g.pass, g.types, g.rule,
                    g.replicated ? "all devices do the same" : g.strategy, g.result,
                    base::to_string(g.compute) + (g.measured ? " measured" : ""), base::to_string(g.reshard),
                    ways.empty() ? "none" : ways});
  }
  return html_table(rows);
}

std::string resting_table(const StageExplanation& s) {
  std::vector<std::vector<std::string>> rows = {
      {"what", "tensors", "whole", "sharded", "a device's", "bytes a device", "e.g."}};
  for (const RestingGroup& g : s.resting)
    rows.push_back({g.role, std::to_string(g.count), g.type, g.sharding, g.local_type,
                    base::to_string(g.per_device), g.example});
  return html_table(rows);
}

std::string stage_section(const Explanation& e, size_t i) {
  const StageExplanation& s = e.stages[i];
  return fmt::format("<h2>Stage {}</h2>\n", i) + memory_bar(s, device_memory(e.plan, e.plan.stages[i])) +
         "<details open><summary>What rests on the devices</summary>\n" + resting_table(s) +
         "</details>\n<details><summary>Ops: how each is sharded, and what other ways would cost with all "
         "else unchanged</summary>\n" +
         ops_table(s) + "</details>\n";
}

std::string others(const Explanation& e) {
  if (e.others.empty()) return "";
  std::vector<std::vector<std::string>> rows = {
      {"planner", "step", "of this one's", "memory", "stages", "microbatches", ""}};
  for (const OtherPlan& o : e.others) {
    if (!o.refused.empty())
      rows.push_back({o.planner, "", "", "", "", "", o.refused});
    else
      rows.push_back({o.planner, base::to_string(o.step), fmt::format("{:.2f} x", o.step / e.plan.step),
                      base::to_string(o.peak_memory), std::to_string(o.stages),
                      std::to_string(o.microbatches), ""});
  }
  return "<h2>Other planners</h2>\n" + html_table(rows);
}

}  // namespace

std::string to_html(const Explanation& e) {
  std::string page = head(e) + stage_list(e.plan);
  if (const auto svg = timeline_svg(e); !svg.empty()) page += "<h2>Predicted timeline of a step</h2>\n" + svg;
  page += bill(e.plan) + others(e);
  for (size_t i = 0; i < e.stages.size(); ++i) page += stage_section(e, i);
  if (!e.plan.notes.empty()) page += "<h2>Notes</h2>\n";
  for (const std::string& note : e.plan.notes) page += "<p>" + escape_html(note) + "</p>\n";
  return html_page(e.plan.model + ": a plan", page);
}

}  // namespace cordata::report
