// SPDX-License-Identifier: Apache-2.0
#include "cordata/base/progress.h"

#include <gtest/gtest.h>

namespace cordata::base {
namespace {

std::string drawn(bool on_terminal) {
  char* text = nullptr;
  size_t size = 0;
  std::FILE* out = open_memstream(&text, &size);
  {
    ProgressBar bar("train", 4, out, on_terminal);
    bar.update(1, "loss 2.5");
    bar.update(4, "loss 2.0");
  }
  std::fclose(out);
  std::string result(text, size);
  std::free(text);
  return result;
}

TEST(Progress, NothingWithoutATerminal) { EXPECT_EQ(drawn(false), ""); }

TEST(Progress, EndsFullAndThenGoes) {
  const std::string all = drawn(true);
  EXPECT_NE(all.find("4/4  loss 2.0"), std::string::npos);
  EXPECT_TRUE(all.ends_with("\r\033[K"));
}

TEST(Progress, LineHasShareAndBarAndIsCut) {
  EXPECT_EQ(ProgressBar::line("x", 1, 2, "w", 200), "x  50 % [############------------] 1/2  w");
  EXPECT_EQ(ProgressBar::line("x", 9, 2, "", 200), "x 100 % [########################] 9/2");
  EXPECT_EQ(ProgressBar::line("x", 1, 0, "words", 5), "x  wo");
}

}  // namespace
}  // namespace cordata::base
