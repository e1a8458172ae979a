// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace cordata::base {

// Rows as aligned columns, two spaces apart; the first row is the head. Columns that hold only numbers (and
// units) are right-aligned. No trailing spaces.
std::string table(const std::vector<std::vector<std::string>>& rows);

// "1,234,567"
std::string with_commas(int64_t n);
// "124.4 M", "38.9 B": parameters for people.
std::string count_for_people(double n);

}  // namespace cordata::base
