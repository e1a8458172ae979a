// SPDX-License-Identifier: Apache-2.0
#include "cordata/cli/trajectory.h"

#include <fmt/format.h>

#include <algorithm>

namespace cordata::cli {
namespace {

constexpr double kWidth = 720, kHeight = 360, kLeft = 110, kTop = 40, kRight = 20, kBottom = 40;

std::string number(const std::optional<double>& x) { return x ? fmt::format("{:.0f}", *x) : ""; }

}  // namespace

std::string trajectory_csv(const std::vector<Progress>& log) {
  std::string out = "seconds,cost,bound\n";
  for (const Progress& p : log)
    out += fmt::format("{:.3f},{},{}\n", p.seconds, number(p.cost), number(p.bound));
  return out;
}

std::string trajectory_svg(const std::vector<Progress>& log, const std::string& title) {
  // The scale leaves first guesses out: from the last tenth of what the cost fell on.
  double low = 0, high = 1, last = 1;
  std::vector<double> all;
  for (const Progress& p : log) {
    last = std::max(last, p.seconds);
    for (const auto& x : {p.cost, p.bound})
      if (x) all.push_back(*x);
  }
  if (!all.empty() && !log.empty()) {
    const double end = log.back().cost.value_or(all.back()), bound = log.back().bound.value_or(end);
    const double span = std::max({end - bound, 0.02 * end, 1.0});
    low = bound - span, high = end + 2 * span;
  }
  const auto x_of = [&](double s) { return kLeft + s / last * (kWidth - kLeft - kRight); };
  const auto y_of = [&](double v) {
    return kTop + (high - std::clamp(v, low, high)) / (high - low) * (kHeight - kTop - kBottom);
  };
  const auto line = [&](auto field, const char* colour) {
    std::string points;
    std::optional<double> before;
    for (const Progress& p : log) {
      const std::optional<double> now = p.*field;
      if (!now) continue;
      if (before) points += fmt::format("{:.1f},{:.1f} ", x_of(p.seconds), y_of(*before));
      points += fmt::format("{:.1f},{:.1f} ", x_of(p.seconds), y_of(*now));
      before = now;
    }
    return fmt::format("<polyline fill=\"none\" stroke=\"{}\" stroke-width=\"2\" points=\"{}\"/>\n", colour,
                       points);
  };
  std::string out = fmt::format(
      "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{0}\" height=\"{1}\" font-family=\"sans-serif\" "
      "font-size=\"12\">\n<rect width=\"{0}\" height=\"{1}\" fill=\"white\"/>\n<text x=\"{2}\" y=\"20\">{3}: "
      "cost "
      "(blue) and bound (red) over {4:.0f} s</text>\n",
      kWidth, kHeight, kLeft, title, last);
  for (int k = 0; k <= 4; ++k) {
    const double v = low + (high - low) * k / 4;
    out += fmt::format(
        "<line x1=\"{}\" x2=\"{}\" y1=\"{:.1f}\" y2=\"{:.1f}\" stroke=\"#ddd\"/><text x=\"{}\" y=\"{:.1f}\" "
        "text-anchor=\"end\">{:.4g}</text>\n",
        kLeft, kWidth - kRight, y_of(v), y_of(v), kLeft - 6, y_of(v) + 4, v);
    out += fmt::format("<text x=\"{:.1f}\" y=\"{}\" text-anchor=\"middle\">{:.0f} s</text>\n",
                       x_of(last * k / 4), kHeight - 15, last * k / 4);
  }
  return out + line(&Progress::cost, "#2060c0") + line(&Progress::bound, "#c03030") + "</svg>\n";
}

}  // namespace cordata::cli
