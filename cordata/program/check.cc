// SPDX-License-Identifier: Apache-2.0
#include "cordata/program/check.h"

#include <fmt/format.h>

namespace cordata::program {

const std::vector<Instruction>& list_of(const Program& program, int rank, bool setup) {
  const RankProgram& r = program.ranks[rank];
  return setup ? r.setup : r.step;
}

const Instruction& at(const Program& program, const Place& place) {
  return list_of(program, place.rank, place.setup)[place.position];
}

std::string describe(const Program& program, const Place& place) {
  const Instruction& i = at(program, place);
  return fmt::format("rank {}, {}[{}] {} \"{}\"", place.rank, place.setup ? "setup" : "step", place.position,
                     name(i.op), i.label);
}

int64_t volume(const Box& box) {
  int64_t n = 1;
  for (int64_t e : box.extent) n *= e;
  return n;
}

namespace {

void check_shape(const Program& program) {
  if (program.num_ranks != static_cast<int>(program.ranks.size()))
    throw Refused{fmt::format("wanted lists for {} ranks, got {}", program.num_ranks, program.ranks.size())};
  for (int r = 0; r < program.num_ranks; ++r)
    if (program.ranks[r].rank != r)
      throw Refused{fmt::format("wanted rank {} at place {}, got rank {}", r, r, program.ranks[r].rank)};
  for (size_t c = 0; c < program.communicators.size(); ++c) {
    std::vector<char> seen(program.ranks.size(), 0);
    for (const auto& group : program.communicators[c])
      for (int r : group) {
        if (r < 0 || r >= program.num_ranks || seen[r])
          throw Refused{fmt::format("wanted disjoint groups of ranks in communicator {}, got rank {} {}", c,
                                    r, r < 0 || r >= program.num_ranks ? "of none" : "twice")};
        seen[r] = 1;
      }
  }
}

}  // namespace

std::string check(const Program& program) {
  try {
    check_shape(program);
    const std::vector<Channel> setup = match_messages(program, true), step = match_messages(program, false);
    std::vector<RankFacts> facts;
    for (int r = 0; r < program.num_ranks; ++r) facts.push_back(check_slots(program, r));
    for (const auto* channels : {&setup, &step}) {
      check_messages(program, facts, *channels);
      check_order(program, facts, *channels, channels == &setup);
    }
    return "";
  } catch (const Refused& refused) {
    return "[program.check] " + refused.why;
  }
}

}  // namespace cordata::program
