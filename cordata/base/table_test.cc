// SPDX-License-Identifier: Apache-2.0
#include "cordata/base/table.h"

#include <gtest/gtest.h>

namespace cordata::base {
namespace {

TEST(Table, WordsLeftNumbersRightNothingBehind) {
  EXPECT_EQ(table({{"name", "count", "note"}, {"a", "1", "x"}, {"longer", "12 ms", ""}}),
            "name    count  note\n"
            "a           1  x\n"
            "longer  12 ms\n");
}

TEST(Table, WidthIsOfCharactersNotBytes) {
  EXPECT_EQ(table({{"a", "b"}, {"é", "x"}, {"zz", "y"}}), "a   b\né   x\nzz  y\n");
}

TEST(Table, Counts) {
  EXPECT_EQ(with_commas(0), "0");
  EXPECT_EQ(with_commas(999), "999");
  EXPECT_EQ(with_commas(1234567), "1,234,567");
  EXPECT_EQ(with_commas(-1234), "-1,234");
  EXPECT_EQ(with_commas(-123), "-123");
  EXPECT_EQ(count_for_people(950), "950");
  EXPECT_EQ(count_for_people(38.94e9), "38.9 B");
}

}  // namespace
}  // namespace cordata::base
