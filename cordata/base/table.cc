// SPDX-License-Identifier: Apache-2.0
#include "cordata/base/table.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>

namespace cordata::base {
namespace {

// Columns in a terminal: bytes that don't continue a UTF-8 character.
size_t width(const std::string& cell) {
  return std::count_if(cell.begin(), cell.end(),
                       [](char c) { return (static_cast<unsigned char>(c) & 0xC0) != 0x80; });
}

bool is_numeric(const std::vector<std::vector<std::string>>& rows, size_t column) {
  bool any = false;
  for (size_t r = 1; r < rows.size(); ++r) {
    if (column >= rows[r].size() || rows[r][column].empty() || rows[r][column] == "-") continue;
    if (!std::isdigit(static_cast<unsigned char>(rows[r][column][0]))) return false;
    any = true;
  }
  return any;
}

}  // namespace

std::string table(const std::vector<std::vector<std::string>>& rows) {
  std::vector<size_t> widths;
  for (const auto& row : rows)
    for (size_t c = 0; c < row.size(); ++c) {
      if (c >= widths.size()) widths.push_back(0);
      widths[c] = std::max(widths[c], width(row[c]));
    }
  std::string text;
  for (const auto& row : rows) {
    std::string line;
    for (size_t c = 0; c < row.size(); ++c) {
      const std::string gap(widths[c] - width(row[c]), ' ');
      line += (c ? "  " : "") + (is_numeric(rows, c) ? gap + row[c] : row[c] + gap);
    }
    line.erase(line.find_last_not_of(' ') + 1);
    text += line + "\n";
  }
  return text;
}

std::string with_commas(int64_t n) {
  const std::string digits = fmt::format("{}", n < 0 ? -static_cast<uint64_t>(n) : static_cast<uint64_t>(n));
  std::string text(n < 0 ? "-" : "");
  for (size_t i = 0; i < digits.size(); ++i) {
    if (i > 0 && (digits.size() - i) % 3 == 0) text.push_back(',');
    text.push_back(digits[i]);
  }
  return text;
}

std::string count_for_people(double n) {
  constexpr std::pair<double, const char*> scales[] = {{1e12, " T"}, {1e9, " B"}, {1e6, " M"}, {1e3, " k"}};
  for (const auto& [factor, suffix] : scales)
    if (n >= factor) return fmt::format("{:.1f}{}", n / factor, suffix);
  return fmt::format("{:.0f}", n);
}

}  // namespace cordata::base
