// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <algorithm>
#include <cctype>

#include "cordata/report/html.h"

namespace cordata::report {
namespace {

constexpr int kMaxRows = 16;
constexpr size_t kMaxBars = 6000;
constexpr double kWidth = 1100, kLabel = 70, kRow = 26, kBar = 18;

// The rows of the chart: every rank, or with many the first of each stage.
std::vector<int> shown_ranks(const Explanation& e) {
  std::vector<int> ranks;
  const bool all = e.timeline.size() <= kMaxRows;
  for (const auto& stage : e.plan.stages)
    for (size_t i = 0; i < (all ? stage.ranks.size() : 1); ++i)
      if (stage.ranks[i] < static_cast<int>(e.timeline.size())) ranks.push_back(stage.ranks[i]);
  return ranks;
}

// A bar's class says its colour: waiting, messages, and computing by the first letter of what runs ("F3", "B0", "apply").
std::string_view colour(const base::TimelineEvent& bar) {
  switch (bar.lane) {
    case base::Lane::kWait: return "w";
    case base::Lane::kSend:
    case base::Lane::kReceive: return "s";
    case base::Lane::kCompute: break;
  }
  if (bar.name.starts_with("F")) return "f";
  if (bar.name.starts_with("B")) return "b";
  return "a";
}

}  // namespace

std::string escape_html(std::string_view text) {
  std::string out;
  for (const char c : text) {
    switch (c) {
      case '&': out += "&amp;"; break;
      case '<': out += "&lt;"; break;
      case '>': out += "&gt;"; break;
      case '"': out += "&quot;"; break;
      case '\'': out += "&#39;"; break;
      default: out += c;
    }
  }
  return out;
}

std::string html_table(const std::vector<std::vector<std::string>>& rows) {
  std::string text = "<div class=\"wide\"><table>\n";
  for (size_t r = 0; r < rows.size(); ++r) {
    const char* cell = r == 0 ? "th" : "td";
    text += "<tr>";
    for (const std::string& word : rows[r]) {
      const bool number = !word.empty() && (std::isdigit(static_cast<unsigned char>(word[0])) || ((word[0] == '+' || word[0] == '-') && word.size() > 1));
      text += fmt::format("<{}{}>{}</{}>", cell, r > 0 && number ? " class=\"n\"" : "", escape_html(word), cell);
    }
    text += "</tr>\n";
  }
  return text + "</table></div>\n";
}

std::string timeline_svg(const Explanation& e) {
  const auto ranks = shown_ranks(e);
  double end = 0;
  for (const int r : ranks)
    for (const base::TimelineEvent& b : e.timeline[r]) end = std::max(end, b.end_s);
  if (ranks.empty() || end <= 0) return "";
  const double scale = (kWidth - kLabel) / end, height = kRow * static_cast<double>(ranks.size()) + 30;
  std::string svg = fmt::format("<svg viewBox=\"0 0 {} {}\" role=\"img\" aria-label=\"predicted timeline\">\n", kWidth, height);
  size_t bars = 0, left_out = 0;
  for (size_t row = 0; row < ranks.size(); ++row) {
    const double y = kRow * static_cast<double>(row) + 4;
    svg += fmt::format("<text x=\"0\" y=\"{:.0f}\">rank {}</text>\n", y + 14, ranks[row]);
    for (const base::TimelineEvent& b : e.timeline[ranks[row]]) {
      const bool message = b.lane == base::Lane::kSend || b.lane == base::Lane::kReceive;
      if (b.end_s <= b.begin_s) continue;
      if (bars++ >= kMaxBars) {
        ++left_out;
        continue;
      }
      // Messages go on while modules run: a thin line below.
      svg += fmt::format("<rect class=\"{}\" x=\"{:.2f}\" y=\"{:.1f}\" width=\"{:.2f}\" height=\"{}\"><title>{}: {} to {}</title></rect>\n", colour(b),
                         kLabel + b.begin_s * scale, message ? y + kBar + 1 : y, std::max(0.3, (b.end_s - b.begin_s) * scale), message ? 3 : kBar,
                         escape_html(b.name), base::to_string(base::Seconds(b.begin_s)), base::to_string(base::Seconds(b.end_s)));
    }
  }
  const double axis = kRow * static_cast<double>(ranks.size()) + 18;
  for (int tick = 0; tick <= 5; ++tick)
    svg += fmt::format("<text x=\"{:.0f}\" y=\"{:.0f}\" text-anchor=\"{}\">{}</text>\n", kLabel + (kWidth - kLabel) * tick / 5, axis,
                       tick == 0 ? "start" : tick == 5 ? "end" : "middle", base::to_string(base::Seconds(end * tick / 5)));
  svg += "</svg>\n<p><span class=\"key f\"></span>forward <span class=\"key b\"></span>backward <span class=\"key a\"></span>update "
         "<span class=\"key w\"></span>waiting <span class=\"key s\"></span>messages</p>\n";
  if (ranks.size() < e.timeline.size()) svg += fmt::format("<p>The first rank of each stage, of {} ranks.</p>\n", e.timeline.size());
  if (left_out) svg += fmt::format("<p>{} later bars are left out.</p>\n", left_out);
  return svg;
}

}  // namespace cordata::report
