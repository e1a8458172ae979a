// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "cordata/report/html.h"
#include "cordata/report/validation.h"

namespace cordata::report {
namespace {

constexpr double kSide = 420, kGap = 90, kMargin = 60, kHead = 50;

struct Point {
  double measured, predicted;
  std::string words;
  char colour;  // of html.h: by model
};

// Both axes alike and logarithmic, so that a part too much is as far from the diagonal everywhere.
struct Panel {
  std::string title;
  double band;  // a part, drawn beside the diagonal
  double unit;  // of the axes' numbers
  std::vector<Point> points;
};

// 1, 2, 5, 10, ... within the range.
std::vector<double> ticks(double low, double high) {
  std::vector<double> out;
  for (double decade = std::pow(10, std::floor(std::log10(low))); decade <= high; decade *= 10)
    for (const double k : {1.0, 2.0, 5.0})
      if (k * decade >= low && k * decade <= high) out.push_back(k * decade);
  return out;
}

std::string draw(const Panel& p, double left) {
  double low = HUGE_VAL, high = 0;
  for (const Point& q : p.points)
    low = std::min({low, q.measured, q.predicted}), high = std::max({high, q.measured, q.predicted});
  low /= 1.15 * p.unit, high *= 1.15 / p.unit;
  const auto at = [&](double v) { return kSide * std::log(v / low) / std::log(high / low); };
  const auto x = [&](double v) { return left + at(v); };
  const auto y = [&](double v) { return kHead + kSide - at(v); };
  std::string out =
      fmt::format("<text x=\"{}\" y=\"{}\" class=\"head\">{}</text>\n", left, kHead - 12, p.title);
  out += fmt::format("<rect class=\"frame\" x=\"{}\" y=\"{}\" width=\"{}\" height=\"{}\"/>\n", left, kHead,
                     kSide, kSide);
  for (const double t : ticks(low, high)) {
    out += fmt::format("<text x=\"{:.1f}\" y=\"{}\" text-anchor=\"middle\">{:g}</text>\n", x(t),
                       kHead + kSide + 16, t);
    out +=
        fmt::format("<text x=\"{}\" y=\"{:.1f}\" text-anchor=\"end\">{:g}</text>\n", left - 6, y(t) + 4, t);
  }
  for (const double k : {1 - p.band, 1.0, 1 + p.band}) {  // cut where it leaves the frame
    const double from = std::max(low, low / k), to = std::min(high, high / k);
    out += fmt::format("<line class=\"{}\" x1=\"{:.1f}\" y1=\"{:.1f}\" x2=\"{:.1f}\" y2=\"{:.1f}\"/>\n",
                       k == 1 ? "equal" : "band", x(from), y(k * from), x(to), y(k * to));
  }
  for (const Point& q : p.points)
    out +=
        fmt::format("<circle class=\"{}\" cx=\"{:.1f}\" cy=\"{:.1f}\" r=\"5\"><title>{}</title></circle>\n",
                    q.colour, x(q.measured / p.unit), y(q.predicted / p.unit), escape_html(q.words));
  out += fmt::format("<text x=\"{}\" y=\"{}\" text-anchor=\"middle\">measured</text>\n", left + kSide / 2,
                     kHead + kSide + 34);
  return out +
         fmt::format(
             "<text transform=\"translate({} {}) rotate(-90)\" text-anchor=\"middle\">simulated</text>\n",
             left - 40, kHead + kSide / 2);
}

}  // namespace

std::string validation_svg(const std::vector<ValidatedPlan>& plans, const std::string& title) {
  Panel steps{"step time, ms (lines: 10 % off)", 0.1, 1e-3, {}};
  Panel memory{"peak memory of a rank, MiB (lines: 5 % off)", 0.05, 1 << 20, {}};
  std::vector<std::string> models;
  for (const auto& p : plans) {
    auto at = std::find(models.begin(), models.end(), p.model);
    if (at == models.end()) at = models.insert(at, p.model);
    const char colour =
        kTimelineKey[static_cast<size_t>(at - models.begin()) % std::size(kTimelineKey)].first;
    const std::string words =
        fmt::format("{}: {}, {} microbatches, remat {}", p.model, p.planner, p.microbatches, p.remat);
    steps.points.push_back({p.step.measured, p.step.simulated, words, colour});
    for (size_t r = 0; r < p.ranks.size(); ++r)
      memory.points.push_back({p.ranks[r].memory.measured, p.ranks[r].memory.simulated,
                               fmt::format("{}, rank {}", words, r), colour});
  }
  std::string shapes = fmt::format("<text x=\"0\" y=\"16\" class=\"head\">{}</text>\n", escape_html(title));
  shapes += draw(steps, 0) + draw(memory, kSide + kGap);
  double y = kHead + kSide + 60;
  for (size_t m = 0; m < models.size(); ++m, y += 20)
    shapes +=
        fmt::format("<circle class=\"{}\" cx=\"6\" cy=\"{}\" r=\"5\"/><text x=\"18\" y=\"{}\">{}</text>\n",
                    kTimelineKey[m % std::size(kTimelineKey)].first, y - 4, y, escape_html(models[m]));
  const double width = 2 * kSide + kGap + 2 * kMargin;
  return fmt::format(
      "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"-{0} -8 {1} {2}\" role=\"img\" "
      "aria-label=\"predicted over "
      "measured\">\n<style>\n{3}text {{ font: 12px sans-serif; fill: var(--ink); }} .head {{ font-size: "
      "14px; }}\n"
      ".frame {{ fill: none; stroke: var(--ink); }} .equal {{ stroke: var(--ink); }} .band {{ stroke: "
      "var(--ink); "
      "stroke-dasharray: 4 4; opacity: 0.5; }}\ncircle {{ opacity: 0.75; }}\n</style>\n"
      "<rect x=\"-{0}\" y=\"-8\" width=\"{1}\" height=\"{2}\" style=\"fill: var(--paper)\"/>\n{4}</svg>\n",
      kMargin, width, y + 8, kColours, shapes);
}

}  // namespace cordata::report
