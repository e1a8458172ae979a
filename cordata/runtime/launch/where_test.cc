// SPDX-License-Identifier: Apache-2.0
#include "cordata/runtime/launch/where.h"

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

namespace cordata::runtime {
namespace {

TEST(Where, OutlivesTheProcessThatSaidIt) {
  const std::string file = testing::TempDir() + "cordata_where_" + std::to_string(::getpid());
  EXPECT_EQ(read_where(file), "");
  const pid_t child = ::fork();
  if (child == 0) {
    keep_where(file);
    say_where("rank 1, stage 0, step 3, a long text that the next one replaces");
    say_where("rank 1, stage 0, step 3, RUN F2");
    ::raise(SIGKILL);
  }
  ::waitpid(child, nullptr, 0);
  EXPECT_EQ(read_where(file), "rank 1, stage 0, step 3, RUN F2");
  ::unlink(file.c_str());
}

TEST(Where, StaysInTheProcessWhereThereIsNoFile) {
  say_where("not kept");
  EXPECT_EQ(where_am_i(), "");
  EXPECT_FALSE(keep_where("/proc/nothing/here"));
  say_where(std::string(1000, 'x'));
  EXPECT_EQ(where_am_i(), std::string(255, 'x'));
  say_where("");
  EXPECT_EQ(where_am_i(), "");
}

}  // namespace
}  // namespace cordata::runtime
