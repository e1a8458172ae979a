// SPDX-License-Identifier: Apache-2.0
// `auto` chooses: along each family it is never slower than any other planner, somewhere clearly faster, and
// changes the kind of its plan where the others' costs cross.
#include "tests/planner/sweeps.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <iostream>

namespace cordata::tests {
namespace {

using Kinds = std::vector<Parallelism>;

struct Row {
  std::string text;
  double mine = 0, best = 0;  // seconds: auto's, the fastest other's
  Parallelism kind = Parallelism::kNone, best_kind = Parallelism::kNone;
};

Row measure(const Family& family, double value) {
  const Point point = family.at(value);
  Row row;
  row.text = fmt::format("{} {}: ", family.name, value);
  const auto mine = ask("auto", point);
  if (!mine) return row;
  row.mine = mine->seconds, row.kind = mine->kind;
  for (const auto& name : others(point)) {
    const auto found = ask(name, point);
    if (!found) continue;
    row.text += fmt::format("{} {:.1f} us ({}), ", name, found->seconds * 1e6, word(found->kind));
    EXPECT_LE(row.mine, found->seconds * (1 + 1e-9))
        << family.name << ' ' << value << ": auto is slower than " << name;
    if (row.best == 0 || found->seconds < row.best) row.best = found->seconds, row.best_kind = found->kind;
  }
  row.text += fmt::format("auto {:.1f} us ({})\n", row.mine * 1e6, word(row.kind));
  return row;
}

// The number of leading entries that are `first`, where none behind is and the last is `last`; -1 where it is
// otherwise. Right behind the change, plans may mix kinds.
int change(const Kinds& kinds, Parallelism first, Parallelism last) {
  const auto at = std::find_if(kinds.begin(), kinds.end(), [&](auto k) { return k != first; });
  const bool once =
      at != kinds.begin() && std::find(at, kinds.end(), first) == kinds.end() && kinds.back() == last;
  return once ? static_cast<int>(at - kinds.begin()) : -1;
}

class Sweep : public testing::TestWithParam<Family> {};

TEST_P(Sweep, AutoIsBestAndChangesItsKindWhereTheOthersCross) {
  const Family& family = GetParam();
  ASSERT_GE(family.values.size(), 8u);
  Kinds mine, best;
  double most = 0;
  std::string table;
  for (const double value : family.values) {
    const Row row = measure(family, value);
    table += row.text;
    std::cout << row.text << std::flush;
    ASSERT_GT(row.mine, 0) << table;
    mine.push_back(row.kind), best.push_back(row.best_kind);
    most = std::max(most, row.best / row.mine);
  }
  EXPECT_GE(most, 1.03) << table;
  const int here = change(mine, family.first, family.last), there = change(best, family.first, family.last);
  ASSERT_GE(here, 0) << "auto's plans don't go from " << word(family.first) << " to " << word(family.last)
                     << "\n"
                     << table;
  ASSERT_GE(there, 0) << "the others' best don't go from " << word(family.first) << " to "
                      << word(family.last) << "\n"
                      << table;
  EXPECT_LE(std::abs(here - there), 1) << table;
}

INSTANTIATE_TEST_SUITE_P(Families, Sweep, testing::ValuesIn(families()),
                         [](const auto& info) { return info.param.name; });

}  // namespace
}  // namespace cordata::tests
