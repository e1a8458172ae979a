// SPDX-License-Identifier: Apache-2.0
#include "cordata/runtime/held_bytes.h"

#include <gtest/gtest.h>

namespace cordata::runtime {
namespace {

TEST(HeldBytes, CountsUntilTheLastHolderLetsGo) {
  HeldBytes held;
  auto slot = counted(std::make_unique<int>(7), 100, held);
  auto message = slot;  // shares it
  slot = nullptr;
  EXPECT_EQ(held.live(), 100);
  auto packed = counted(std::unique_ptr<std::byte[]>(new std::byte[50]), 50, held);
  EXPECT_EQ(held.live(), 150);
  message = nullptr;
  EXPECT_EQ(held.live(), 50);
  EXPECT_EQ(held.peak(), 150);
  held.note_extra(200);  // a module's temporaries
  EXPECT_EQ(held.peak(), 250);
  EXPECT_EQ(held.live(), 50);
}

}  // namespace
}  // namespace cordata::runtime
