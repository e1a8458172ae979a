// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "cordata/program/program.h"

// The parts of check(Program), declared in program.h. Each throws Refused with the message that check() gives
// back.
namespace cordata::program {

struct Refused {
  std::string why;
};

// An instruction of a rank. Each rank has two lists.
struct Place {
  int rank = -1;  // by position in Program::ranks, which is its number
  bool setup = false;
  int position = -1;
};
const std::vector<Instruction>& list_of(const Program& program, int rank, bool setup);
const Instruction& at(const Program& program, const Place& place);
std::string describe(const Program& program,
                     const Place& place);  // `rank 1, step[7] RECV "receive 2 from stage 0"`

// What one rank's walk over its slots finds out, by position in a list.
struct ListFacts {
  std::vector<int64_t> send_bytes;
  std::vector<ir::DType> send_dtype;
  std::vector<std::vector<int>>
      overwrites;  // of a RUN: the SENDs of the list (positions) whose buffers it takes over
};
struct RankFacts {
  ListFacts setup, step;
  const ListFacts& list(bool setup_list) const { return setup_list ? setup : step; }
};

// Slots are full when read, empty when filled, of the right type, step after step.
RankFacts check_slots(const Program& program, int rank);

// The SENDs of one list and the pieces of RECVs that match them.
struct Channel {
  struct End {
    Place place;
    int piece = -1;  // of a RECV
  };
  int from = -1, to = -1, tag = 0;
  std::vector<End> sends, receives;  // the first goes with the first
};

// Each SEND has its RECV under the same tag; and then: of the same size and type.
std::vector<Channel> match_messages(const Program& program, bool setup);
void check_messages(const Program& program, const std::vector<RankFacts>& facts,
                    const std::vector<Channel>& channels);

// All ranks come to the end of the list.
void check_order(const Program& program, const std::vector<RankFacts>& facts,
                 const std::vector<Channel>& channels, bool setup);

int64_t volume(const Box& box);  // elements

}  // namespace cordata::program
