// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <algorithm>

#include "cordata/base/error.h"
#include "cordata/program/program.h"

namespace cordata::program {
namespace {

TEST(Schedule, EachStageDoesEachMicrobatchForwardThenBackwardOnce) {
  for (const char* name : {"gpipe", "1f1b"})
    for (int stages = 1; stages <= 5; ++stages)
      for (int microbatches = 1; microbatches <= 9; ++microbatches)
        for (const auto& list : make_schedule(name, stages, microbatches)) {
          ASSERT_EQ(list.size(), static_cast<size_t>(2 * microbatches));
          for (int m = 0; m < microbatches; ++m) {
            const auto f = std::find(list.begin(), list.end(), Work{true, m});
            const auto b = std::find(list.begin(), list.end(), Work{false, m});
            ASSERT_NE(f, list.end());
            ASSERT_NE(b, list.end());
            EXPECT_LT(f, b);
          }
        }
}

TEST(Schedule, OneForwardOneBackwardHoldsAtMostAsManyMicrobatchesAsStagesRemain) {
  const Schedule schedule = one_f_one_b(4, 8);
  for (int s = 0; s < 4; ++s) {
    int held = 0, most = 0;
    for (const Work& w : schedule[s]) most = std::max(most, held += w.forward ? 1 : -1);
    EXPECT_EQ(most, 4 - s);
  }
}

TEST(Schedule, UnknownNameListsTheKnownOnes) {
  try {
    make_schedule("zigzag", 2, 2);
    FAIL();
  } catch (const base::Error& e) {
    EXPECT_EQ(e.kind(), base::ErrorKind::kUser);
    EXPECT_NE(std::string(e.what()).find("1f1b"), std::string::npos);
  }
}

}  // namespace
}  // namespace cordata::program
