// SPDX-License-Identifier: Apache-2.0
#include "cordata/runtime/launch/channel.h"

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

namespace cordata::runtime::channel {
namespace {

class Channel : public testing::Test {
 protected:
  Channel() { EXPECT_EQ(::socketpair(AF_UNIX, SOCK_SEQPACKET, 0, ends_), 0); }
  ~Channel() override {
    for (int end : ends_) ::close(end);
  }
  int ends_[2];
  bool gone_ = false;
};

TEST_F(Channel, NotesKeepTheirOrderAndText) {
  EXPECT_FALSE(receive(ends_[1], false, gone_));
  EXPECT_FALSE(gone_);
  EXPECT_TRUE(send(ends_[0], {Kind::kHello, 3}));
  EXPECT_TRUE(send(ends_[0], {Kind::kFailure, 3, 4}, "two\nlines"));
  EXPECT_EQ(receive(ends_[1], true, gone_)->note.kind, Kind::kHello);
  auto second = receive(ends_[1], true, gone_);
  EXPECT_EQ(second->note.value, 4);
  EXPECT_EQ(second->text, "two\nlines");
}

TEST_F(Channel, ALongTextIsCut) {
  EXPECT_TRUE(send(ends_[0], {Kind::kFailure}, std::string(1 << 20, 'x')));
  EXPECT_EQ(receive(ends_[1], true, gone_)->text, std::string(32 << 10, 'x'));
}

// The last words of a rank that died, also when it never read what was said to it.
TEST_F(Channel, LastWordsOutliveTheirSpeaker) {
  EXPECT_TRUE(send(ends_[1], {Kind::kNoted}));
  EXPECT_TRUE(send(ends_[0], {Kind::kFailure, 1, 3}, "why"));
  ::close(ends_[0]);
  EXPECT_EQ(receive(ends_[1], false, gone_)->text, "why");
  EXPECT_FALSE(receive(ends_[1], false, gone_));
  EXPECT_TRUE(gone_);
  EXPECT_FALSE(send(ends_[1], {Kind::kNoted}));
}

TEST_F(Channel, StdioIsHandedOver) {
  const int out = ::dup(STDOUT_FILENO), err = ::dup(STDERR_FILENO);
  int files[2];
  ASSERT_EQ(::pipe(files), 0);
  ::fflush(stdout);
  ::dup2(files[1], STDOUT_FILENO);
  const bool sent = send_stdio(ends_[0]);
  ::dup2(out, STDOUT_FILENO);
  const bool taken = take_stdio(ends_[1]);
  const bool written = ::write(STDOUT_FILENO, "hello", 5) == 5;
  ::dup2(out, STDOUT_FILENO);
  ::dup2(err, STDERR_FILENO);
  char text[6] = {};
  EXPECT_TRUE(sent && taken && written);
  EXPECT_EQ(::read(files[0], text, 5), 5);
  EXPECT_STREQ(text, "hello");
  for (int file : {out, err, files[0], files[1]}) ::close(file);
  EXPECT_FALSE(take_stdio(-1));
}

}  // namespace
}  // namespace cordata::runtime::channel
