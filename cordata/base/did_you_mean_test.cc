// SPDX-License-Identifier: Apache-2.0
#include "cordata/base/did_you_mean.h"

#include <gtest/gtest.h>

namespace cordata::base {
namespace {

TEST(DidYouMean, EditDistanceIsThatOfSmallWords) {
  EXPECT_EQ(edit_distance("", ""), 0u);
  EXPECT_EQ(edit_distance("", "abc"), 3u);
  EXPECT_EQ(edit_distance("kitten", "sitting"), 3u);
  EXPECT_EQ(edit_distance("tarin", "train"), 1u);  // neighbours swapped
  EXPECT_EQ(edit_distance("abcd", "badc"), 2u);
  EXPECT_EQ(edit_distance("plan", "plan"), 0u);
}

TEST(DidYouMean, NamesWhatIsCloseAndNothingElse) {
  const std::vector<std::string> verbs = {"plan", "explain", "train", "inspect", "simulate"};
  EXPECT_EQ(nearest("tarin", verbs), "train");
  EXPECT_EQ(nearest("sim", verbs), "simulate");  // a beginning
  EXPECT_EQ(nearest("paln", verbs), "plan");
  EXPECT_EQ(nearest("PLAN", verbs), "plan");
  EXPECT_EQ(nearest("frobnicate", verbs), "");
  EXPECT_EQ(nearest("", verbs), "");
  EXPECT_EQ(did_you_mean("inspet", verbs), " Did you mean 'inspect'?");
  EXPECT_EQ(did_you_mean("xyz", verbs), "");
}

}  // namespace
}  // namespace cordata::base
