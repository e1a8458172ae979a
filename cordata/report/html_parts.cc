// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <algorithm>
#include <cctype>

#include "cordata/report/html.h"

namespace cordata::report {
namespace {

constexpr int kMaxRows = 16;
constexpr size_t kMaxBars = 6000;
constexpr std::string_view kStyle = R"(
:root { --line: #d8dee4; --soft: #f5f7f9; }
@media (prefers-color-scheme: dark) { :root { --line: #343a42; --soft: #1e2329; } }
body { font: 15px/1.5 system-ui, sans-serif; color: var(--ink); background: var(--paper); max-width: 1160px; margin: 2em auto; padding: 0 1em; }
h1 { font-size: 1.5em; } h2 { font-size: 1.2em; margin-top: 2em; border-bottom: 1px solid var(--line); }
table { border-collapse: collapse; font-size: 13px; } th, td { text-align: left; padding: .25em .8em .25em 0; border-bottom: 1px solid var(--line); vertical-align: top; }
td.n { text-align: right; font-variant-numeric: tabular-nums; } .wide { overflow-x: auto; }
.cards { display: flex; flex-wrap: wrap; gap: .8em; } .card { background: var(--soft); padding: .6em 1em; border-radius: 6px; } .card b { display: block; font-size: 1.3em; }
.memory { display: flex; height: 22px; border-radius: 4px; overflow: hidden; background: var(--w); margin: .4em 0; } .memory div { height: 100%; }
.key { display: inline-block; width: .9em; height: .9em; border-radius: 2px; margin: 0 .3em 0 1em; vertical-align: -1px; }
.f { background: var(--f); } .b { background: var(--b); } .a { background: var(--a); } .w { background: var(--w); } .s { background: var(--s); }
svg { width: 100%; height: auto; } svg text { font: 11px system-ui, sans-serif; fill: var(--ink); } summary { cursor: pointer; margin: .6em 0; }
)";

constexpr double kLabel = 70, kRow = 26, kBar = 18;

// The rows of the chart: every rank, or with many the first of each stage.
std::vector<int> shown_ranks(const Explanation& e) {
  std::vector<int> ranks;
  const bool all = e.timeline.size() <= kMaxRows;
  for (const auto& stage : e.plan.stages)
    for (size_t i = 0; i < (all ? stage.ranks.size() : 1); ++i)
      if (stage.ranks[i] < static_cast<int>(e.timeline.size())) ranks.push_back(stage.ranks[i]);
  return ranks;
}

// A bar's class says its colour: waiting, messages, and computing by the first letter of what runs ("F3",
// "B0", "apply").
std::string_view colour(const base::TimelineEvent& bar) {
  switch (bar.lane) {
    case base::Lane::kWait:
      return "w";
    case base::Lane::kSend:
    case base::Lane::kReceive:
      return "s";
    case base::Lane::kCompute:
      break;
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
      case '&':
        out += "&amp;";
        break;
      case '<':
        out += "&lt;";
        break;
      case '>':
        out += "&gt;";
        break;
      case '"':
        out += "&quot;";
        break;
      case '\'':
        out += "&#39;";
        break;
      default:
        out += c;
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
      const bool number = !word.empty() && (std::isdigit(static_cast<unsigned char>(word[0])) ||
                                            ((word[0] == '+' || word[0] == '-') && word.size() > 1));
      text +=
          fmt::format("<{}{}>{}</{}>", cell, r > 0 && number ? " class=\"n\"" : "", escape_html(word), cell);
    }
    text += "</tr>\n";
  }
  return text + "</table></div>\n";
}

std::string html_page(std::string_view title, std::string_view body) {
  return fmt::format(
      "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><meta name=\"viewport\" "
      "content=\"width=device-width\">\n<title>{}</title>\n<style>\n{}{}</style>\n</head><body>\n{}"
      "</body></html>\n",
      escape_html(title), kColours, kStyle, body);
}

Timeline draw_timeline(const Explanation& e) {
  Timeline t;
  const auto ranks = shown_ranks(e);
  double end = 0;
  for (const int r : ranks)
    for (const base::TimelineEvent& b : e.timeline[r]) end = std::max(end, b.end_s);
  if (ranks.empty() || end <= 0) return t;
  const double scale = (kPictureWidth - kLabel) / end;
  size_t bars = 0, left_out = 0;
  for (size_t row = 0; row < ranks.size(); ++row) {
    const double y = kRow * static_cast<double>(row) + 4;
    t.shapes += fmt::format("<text x=\"0\" y=\"{:.0f}\">rank {}</text>\n", y + 14, ranks[row]);
    for (const base::TimelineEvent& b : e.timeline[ranks[row]]) {
      const bool message = b.lane == base::Lane::kSend || b.lane == base::Lane::kReceive;
      if (b.end_s <= b.begin_s) continue;
      if (bars++ >= kMaxBars) {
        ++left_out;
        continue;
      }
      // Messages go on while modules run: a thin line below.
      t.shapes += fmt::format(
          "<rect class=\"{}\" x=\"{:.2f}\" y=\"{:.1f}\" width=\"{:.2f}\" height=\"{}\"><title>{}: {} to "
          "{}</title></rect>\n",
          colour(b), kLabel + b.begin_s * scale, message ? y + kBar + 1 : y,
          std::max(0.3, (b.end_s - b.begin_s) * scale), message ? 3 : kBar, escape_html(b.name),
          base::to_string(base::Seconds(b.begin_s)), base::to_string(base::Seconds(b.end_s)));
    }
  }
  const double axis = kRow * static_cast<double>(ranks.size()) + 18;
  for (int tick = 0; tick <= 5; ++tick)
    t.shapes += fmt::format("<text x=\"{:.0f}\" y=\"{:.0f}\" text-anchor=\"{}\">{}</text>\n",
                            kLabel + (kPictureWidth - kLabel) * tick / 5, axis,
                            tick == 0   ? "start"
                            : tick == 5 ? "end"
                                        : "middle",
                            base::to_string(base::Seconds(end * tick / 5)));
  t.height = kRow * static_cast<double>(ranks.size()) + 30;
  if (ranks.size() < e.timeline.size())
    t.words.push_back(fmt::format("The first rank of each stage, of {} ranks.", e.timeline.size()));
  if (left_out) t.words.push_back(fmt::format("{} later bars are left out.", left_out));
  return t;
}

std::string timeline_svg(const Explanation& e) {
  const Timeline t = draw_timeline(e);
  if (t.height == 0) return "";
  std::string svg =
      fmt::format("<svg viewBox=\"0 0 {} {}\" role=\"img\" aria-label=\"predicted timeline\">\n",
                  kPictureWidth, t.height) +
      t.shapes + "</svg>\n<p>";
  for (const auto& [colour, words] : kTimelineKey)
    svg += fmt::format("<span class=\"key {}\"></span>{} ", colour, words);
  svg += "</p>\n";
  for (const std::string& words : t.words) svg += "<p>" + words + "</p>\n";
  return svg;
}

}  // namespace cordata::report
