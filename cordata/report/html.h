// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "cordata/report/explanation.h"

namespace cordata::report {

// Text as it may stand in HTML and in quoted attributes.
std::string escape_html(std::string_view text);

// A table of cells that are text (escaped here); the first row is the head. Cells that start with a digit or
// sign stand right.
std::string html_table(const std::vector<std::vector<std::string>>& rows);

// A whole page that needs nothing else, around a body that is HTML.
std::string html_page(std::string_view title, std::string_view body);

constexpr double kPictureWidth = 1100;

// Colours of the timeline by class, light and dark, and what they mean.
constexpr std::string_view kColours =
    ":root { --ink: #1b1f24; --paper: #fff; --f: #3b82c4; --b: #d9822b; --a: #5a9e57; --w: #e3e6ea; --s: "
    "#8a63c9; }\n"
    "@media (prefers-color-scheme: dark) { :root { --ink: #e4e7eb; --paper: #15181c; --w: #2b3138; } }\n"
    ".f { fill: var(--f); } .b { fill: var(--b); } .a { fill: var(--a); } .w { fill: var(--w); } .s { fill: "
    "var(--s); }\n";
constexpr std::pair<char, std::string_view> kTimelineKey[] = {
    {'f', "forward"}, {'b', "backward"}, {'a', "update"}, {'w', "waiting"}, {'s', "messages"}};

// The predicted timeline as shapes, a row a rank; with many ranks, the first of each stage. Height 0 where
// there is none.
struct Timeline {
  std::string shapes;  // kPictureWidth wide
  double height = 0;
  std::vector<std::string> words;  // what it leaves out
};
Timeline draw_timeline(const Explanation& e);

// It as inline SVG with its key; "" where there is none.
std::string timeline_svg(const Explanation& e);

}  // namespace cordata::report
