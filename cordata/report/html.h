// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "cordata/report/explanation.h"

namespace cordata::report {

// Text as it may stand in HTML and in quoted attributes.
std::string escape_html(std::string_view text);

// A table of cells that are text (escaped here); the first row is the head. Cells that start with a digit or sign stand right.
std::string html_table(const std::vector<std::vector<std::string>>& rows);

// The predicted timeline as inline SVG, a row a rank; "" where there is none. With many ranks, the first of each stage.
std::string timeline_svg(const Explanation& e);

}  // namespace cordata::report
