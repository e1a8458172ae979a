// SPDX-License-Identifier: Apache-2.0
#include "cordata/planner/layers/repeats.h"

#include <gtest/gtest.h>

namespace cordata::planner {
namespace {

TEST(Repeats, FindsThePeriodBetweenHeadAndTail) {
  std::vector<uint64_t> signs{90, 91};
  for (int k = 0; k < 5; ++k)
    for (const uint64_t s : {1, 2, 2, 3}) signs.push_back(s);
  signs.push_back(92);
  const auto found = find_repeats(signs);
  EXPECT_EQ(found.begin, 2);
  EXPECT_EQ(found.period, 4);
  EXPECT_EQ(found.count, 5);
}

TEST(Repeats, NothingRepeats) {
  EXPECT_EQ(find_repeats({1, 2, 3, 4, 5}).count, 0);
  EXPECT_EQ(find_repeats({1, 1, 2, 3, 4, 5, 6, 7}).count, 0);  // less than half
  EXPECT_EQ(find_repeats({}).count, 0);
}

}  // namespace
}  // namespace cordata::planner
