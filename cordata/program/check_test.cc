// SPDX-License-Identifier: Apache-2.0
// What check() says of small lists made by hand; by the thousand: tests/program.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "cordata/program/program.h"

namespace cordata::program {
namespace {

using ir::DType;
using ir::Type;
using testing::AllOf;
using testing::HasSubstr;

const Type kVector = Type::tensor(DType::kF32, {4});
const Box kWhole{{0}, {4}};

Instruction run(int module, std::vector<Slot> args, std::vector<Slot> results, std::string label,
                int microbatch = -1) {
  Instruction i{OpCode::kRun};
  i.module = module, i.args = std::move(args), i.results = std::move(results), i.label = std::move(label),
  i.microbatch = microbatch;
  return i;
}
Instruction send(Slot slot, int peer, int tag, Box box = kWhole) {
  Instruction i{OpCode::kSend};
  i.args = {slot}, i.peer = peer, i.tag = tag, i.box = std::move(box), i.label = "s" + std::to_string(tag);
  return i;
}
Instruction receive(Slot slot, int peer, int tag, Type type = kVector, Box box = kWhole) {
  Instruction i{OpCode::kRecv};
  i.results = {slot}, i.type = std::move(type), i.pieces = {{peer, tag, -1, {}, std::move(box)}},
  i.label = "r" + std::to_string(tag);
  return i;
}
Instruction free_slots(std::vector<Slot> slots) {
  Instruction i{OpCode::kFree};
  i.args = std::move(slots), i.label = "free";
  return i;
}

// Two ranks of one stage, each with a resident in slot 0. Module 0: in place, alone; module 1: in place, one
// collective; module 2: reads it, nothing else.
Program two_ranks(std::vector<Instruction> a, std::vector<Instruction> b) {
  Program p;
  p.num_ranks = 2;
  p.microbatches = 2;
  p.modules = {{"alone", 0, "", {kVector}, {kVector}, {0}, false, {}},
               {"together", 0, "", {kVector}, {kVector}, {0}, true, {0}},
               {"look", 0, "", {kVector}, {}, {-1}, false, {}}};
  p.communicators = {{{0, 1}}};
  for (int r = 0; r < 2; ++r) {
    RankProgram rank{.rank = r, .stage = 0, .index_in_mesh = r, .num_slots = 4};
    rank.residents = {{step::Role::kParam, 0, "w", 0, kVector, kVector, kWhole}};
    rank.modules = {0, 1, 2};
    rank.step = r == 0 ? a : b;
    p.ranks.push_back(rank);
  }
  return p;
}

TEST(Check, AcceptsAnExchange) {
  EXPECT_EQ(check(two_ranks({send(0, 1, 7), receive(1, 1, 8), free_slots({1})},
                            {send(0, 0, 8), receive(1, 0, 7), free_slots({1})})),
            "");
}

TEST(Check, NamesBothEndsOfAMessage) {
  EXPECT_THAT(
      check(two_ranks({send(0, 1, 7)}, {receive(1, 0, 8), free_slots({1})})),
      AllOf(HasSubstr("rank 0, step[0] SEND \"s7\" sends to rank 1 under tag 7, where no RECV takes it"),
            HasSubstr("the nearest is rank 1, step[0] RECV \"r8\"")));
  EXPECT_THAT(check(two_ranks({send(0, 1, 7, {{0}, {2}})}, {receive(1, 0, 7), free_slots({1})})),
              AllOf(HasSubstr("rank 0, step[0] SEND \"s7\" sends 8 bytes of f32"),
                    HasSubstr("rank 1, step[0] RECV \"r7\" wants 16 of f32")));
  EXPECT_THAT(
      check(two_ranks({send(0, 1, 7)}, {receive(1, 0, 7, Type::tensor(DType::kI32, {4})), free_slots({1})})),
      HasSubstr("of i32"));
}

TEST(Check, FollowsRanksThatWaitForEachOther) {
  EXPECT_THAT(check(two_ranks({receive(1, 1, 8), send(0, 1, 7), free_slots({1})},
                              {receive(1, 0, 7), send(0, 0, 8), free_slots({1})})),
              AllOf(HasSubstr("rank 0, step[0] RECV \"r8\" waits for rank 1, step[1] SEND \"s8\""),
                    HasSubstr("rank 1, step[0] RECV \"r7\" waits for rank 0, step[1] SEND \"s7\"")));
}

TEST(Check, ComparesCollectives) {
  EXPECT_EQ(check(two_ranks({run(1, {0}, {0}, "A0", 0), run(0, {0}, {0}, "own")},
                            {run(0, {0}, {0}, "own"), run(1, {0}, {0}, "A0", 0)})),
            "");
  EXPECT_THAT(check(two_ranks({run(1, {0}, {0}, "A0", 0)}, {run(1, {0}, {0}, "A1", 1)})),
              AllOf(HasSubstr("rank 0, step[0] RUN \"A0\""), HasSubstr("meets rank 1, step[0] RUN \"A1\"")));
  EXPECT_THAT(check(two_ranks({run(1, {0}, {0}, "A0", 0)}, {})),
              AllOf(HasSubstr("rank 0, step[0] RUN \"A0\" waits for rank 1 to join")));
  // One is in the collective, the other waits for a message that would come after it.
  EXPECT_THAT(check(two_ranks({run(1, {0}, {0}, "A0", 0), send(0, 1, 7)},
                              {receive(1, 0, 7), run(1, {0}, {0}, "A0", 0), free_slots({1})})),
              AllOf(HasSubstr("rank 0, step[0] RUN \"A0\""), HasSubstr("rank 1, step[0] RECV \"r7\"")));
}

// A buffer that still leaves is not overwritten before its receive is posted, here two modules late.
TEST(Check, KnowsThatOverwritingWaitsForTheReceiver) {
  const auto overwriter = [](std::vector<Instruction> other) {
    return check(two_ranks({send(0, 1, 7), run(0, {0}, {0}, "overwrite"), send(0, 1, 8)}, std::move(other)));
  };
  EXPECT_EQ(overwriter({receive(2, 0, 8), run(2, {0}, {}, "L"), receive(1, 0, 7), free_slots({1, 2})}), "");
  EXPECT_THAT(overwriter({receive(2, 0, 8), run(2, {0}, {}, "L"), run(2, {0}, {}, "L"), receive(1, 0, 7),
                          free_slots({1, 2})}),
              AllOf(HasSubstr("rank 0, step[1] RUN \"overwrite\" waits for rank 1, step[3] RECV \"r7\""),
                    HasSubstr("rank 1, step[0] RECV \"r8\" waits for rank 0, step[2] SEND \"s8\"")));
}

TEST(Check, SlotsAreFollowedFromStepToStep) {
  // Nothing is wrong in the first step; the second one finds the slot full.
  EXPECT_THAT(check(two_ranks({send(0, 1, 7)}, {receive(1, 0, 7)})),
              HasSubstr("rank 1, step[0] RECV \"r7\": fills slot 1, which is full since rank 1, step[0]"));
  EXPECT_THAT(check(two_ranks({free_slots({0}), run(2, {0}, {}, "L")}, {})),
              AllOf(HasSubstr("RUN \"L\""), HasSubstr("step[0] FREE")));
  EXPECT_THAT(
      check(two_ranks({send(0, 1, 7, {{0}, {2}})}, {receive(1, 0, 7, kVector, {{0}, {2}}), free_slots({1})})),
      HasSubstr("pieces of 4 elements in all, got 2"));
}

}  // namespace
}  // namespace cordata::program
