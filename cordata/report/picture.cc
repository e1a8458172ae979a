// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include "cordata/report/html.h"
#include "cordata/report/plan_text.h"

namespace cordata::report {
namespace {

constexpr double kLine = 20, kMargin = 16;

std::string line(double y, const std::string& words, std::string_view look = "") {
  return fmt::format("<text x=\"0\" y=\"{}\"{}{}>{}</text>\n", y, look.empty() ? "" : " ", look,
                     escape_html(words));
}

std::string stage_words(const plan::Stage& s, size_t i) {
  return fmt::format(
      "stage {}: ranks {}, mesh {}, layers {} to {}; forward {}, backward {} a microbatch, update {}; {} a "
      "device",
      i, stage_ranks(s), s.mesh.shape.empty() ? "1" : sharding::to_string(s.mesh), s.first_layer,
      s.first_layer + s.num_layers - 1, base::to_string(s.predicted.forward),
      base::to_string(s.predicted.backward), base::to_string(s.predicted.apply),
      base::to_string(s.predicted.peak_memory));
}

std::string key(double y) {
  std::string out;
  double x = 70;
  for (const auto& [colour, words] : kTimelineKey) {
    out += fmt::format(
        "<rect class=\"{}\" x=\"{}\" y=\"{}\" width=\"12\" height=\"12\"/><text x=\"{}\" "
        "y=\"{}\">{}</text>\n",
        colour, x, y - 10, x + 17, y, words);
    x += 110;
  }
  return out;
}

}  // namespace

std::string to_svg(const Explanation& e) {
  const auto& p = e.plan;
  double y = kLine;
  std::string shapes = line(y, fmt::format("{} on {}", p.model, p.cluster.name), "class=\"head\"");
  shapes +=
      line(y += kLine + 4,
           fmt::format("by {}: step {} (modelled), {} microbatches, schedule {}, at most {} from proven best",
                       p.planner, base::to_string(p.step), p.microbatches, p.schedule,
                       fmt::format("{:.2g} %", 100 * p.gap)));
  for (size_t i = 0; i < p.stages.size(); ++i) shapes += line(y += kLine, stage_words(p.stages[i], i));
  if (const Timeline t = draw_timeline(e); t.height > 0) {
    shapes += fmt::format("<g transform=\"translate(0 {})\">\n{}</g>\n", y += kLine, t.shapes);
    shapes += key(y += t.height + kLine / 2);
    for (const std::string& words : t.words) shapes += line(y += kLine, words);
  }
  const double height = y + kMargin;
  return fmt::format(
      "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"-{0} 0 {1} {2}\" role=\"img\" aria-label=\"a plan "
      "and its predicted timeline\">\n<style>\n{3}"
      "text {{ font: 12px sans-serif; fill: var(--ink); }} .head {{ font-size: 16px; font-weight: bold; "
      "}}\n</style>\n"
      "<rect x=\"-{0}\" width=\"{1}\" height=\"{2}\" style=\"fill: var(--paper)\"/>\n{4}</svg>\n",
      kMargin, kPictureWidth + 2 * kMargin, height, kColours, shapes);
}

}  // namespace cordata::report
