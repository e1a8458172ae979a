// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <optional>

#include "cordata/program/check.h"
#include "cordata/program/posts.h"

namespace cordata::program {
namespace {

// What a blocked rank waits for: another rank, and what that must get to.
struct Wait {
  int rank = -1;
  std::string what;  // "rank 1, step[4] SEND ..."
};

// A collective that some members of a group have come to. The next one opens when all have.
struct Meeting {
  std::vector<std::pair<Place, int>> here;  // RUN and which of its module's collectives
  int64_t held = 0;                         // how many before it ended
};

// Runs the lists as the executor would, but without time: a rank goes on as far as it can, then the next one
// does.
class Order {
 public:
  Order(const Program& program, const std::vector<RankFacts>& facts, const std::vector<Channel>& channels,
        bool setup)
      : program_(program), facts_(facts), setup_(setup) {
    const int n = program.num_ranks;
    ranks_.resize(n);
    for (int r = 0; r < n; ++r) {
      ranks_[r].posts = receives_posted_at(list_of(program, r, setup));
      ranks_[r].partners.resize(list_of(program, r, setup).size());
      ranks_[r].posted.assign(list_of(program, r, setup).size(), false);
    }
    for (const Channel& c : channels)
      for (size_t k = 0; k < c.sends.size(); ++k) {
        ranks_[c.from].partners[c.sends[k].place.position].push_back(c.receives[k].place);
        ranks_[c.to].partners[c.receives[k].place.position].push_back(c.sends[k].place);
      }
  }

  void run() {
    for (bool moved = true; moved;) {
      moved = false;
      for (int r = 0; r < program_.num_ranks; ++r)
        while (step(r)) moved = true;
    }
    for (int r = 0; r < program_.num_ranks; ++r)
      if (!ended(r)) refuse_hang(r);
  }

 private:
  struct RankState {
    int position = 0;
    bool arrived = false;               // has posted what is posted here
    int collective = 0;                 // of the RUN it is at: how many have ended
    std::optional<int64_t> in_meeting;  // waits in one: its number in the group
    std::vector<std::vector<int>> posts;
    std::vector<std::vector<Place>> partners;  // by position: the other ends of its messages
    std::vector<char> posted;
  };

  const Instruction& instruction(int r) const { return list_of(program_, r, setup_)[ranks_[r].position]; }
  bool ended(int r) const {
    return ranks_[r].position == static_cast<int>(list_of(program_, r, setup_).size());
  }
  Place place(int r) const { return {r, setup_, ranks_[r].position}; }

  // One move of a rank: false when it has ended or waits.
  bool step(int r) {
    if (ended(r)) return false;
    RankState& s = ranks_[r];
    if (!s.arrived) {
      for (int i : s.posts[s.position]) s.posted[i] = true;
      s.arrived = true;
      return true;
    }
    if (wait_for_messages(r)) return false;
    if (instruction(r).op == OpCode::kRun && s.collective < num_collectives(r)) return meet(r);
    ++s.position;
    s.arrived = false;
    s.collective = 0;
    return true;
  }

  std::optional<Wait> wait_for_messages(int r) const {
    const RankState& s = ranks_[r];
    const Instruction& i = instruction(r);
    if (i.op == OpCode::kRecv)
      for (const Place& send : s.partners[s.position])
        if (ranks_[send.rank].position <= send.position) return Wait{send.rank, describe(program_, send)};
    if (i.op == OpCode::kRun && s.collective == 0)
      for (int sent : facts_[r].list(setup_).overwrites[s.position])
        for (const Place& receive : s.partners[sent])
          if (!ranks_[receive.rank].posted[receive.position])
            return Wait{receive.rank, describe(program_, receive) +
                                          ", the receiver of the buffer it overwrites, to be posted"};
    return std::nullopt;
  }

  // --- collectives ---

  int num_collectives(int r) const {
    return static_cast<int>(program_.modules[instruction(r).module].comms.size());
  }

  const std::vector<int>& group_of(int r) {
    const int comm = program_.modules[instruction(r).module].comms[ranks_[r].collective];
    if (comm < 0) return stage_group(program_.ranks[r].stage);
    if (comm < static_cast<int>(program_.communicators.size()))
      for (const auto& group : program_.communicators[comm])
        if (std::find(group.begin(), group.end(), r) != group.end()) return group;
    throw Refused{
        fmt::format("{}: wanted a communicator with this rank for collective {}, got number {} of {}",
                    describe(program_, place(r)), ranks_[r].collective, comm, program_.communicators.size())};
  }

  const std::vector<int>& stage_group(int stage) {
    auto& group = stages_[stage];
    if (group.empty())
      for (const RankProgram& other : program_.ranks)
        if (other.stage == stage) group.push_back(other.rank);
    return group;
  }

  bool meet(int r) {
    RankState& s = ranks_[r];
    const std::vector<int>& group = group_of(r);
    // A communicator is told by its number and the group within it.
    Meeting& meeting = meetings_[{program_.modules[instruction(r).module].comms[s.collective],
                                  group.empty() ? -1 : group[0]}];
    if (s.in_meeting) {
      if (meeting.held == *s.in_meeting) return false;
      s.in_meeting.reset();
      ++s.collective;
      return true;
    }
    const std::pair<Place, int> mine{place(r), s.collective};
    if (!meeting.here.empty()) compare(meeting.here[0], mine);
    meeting.here.push_back(mine);
    s.in_meeting = meeting.held;
    if (meeting.here.size() == group.size()) {
      meeting.here.clear();
      ++meeting.held;
    }
    return true;
  }

  void compare(const std::pair<Place, int>& a, const std::pair<Place, int>& b) const {
    const Instruction &x = at(program_, a.first), &y = at(program_, b.first);
    if (x.module == y.module && x.microbatch == y.microbatch && a.second == b.second) return;
    throw Refused{fmt::format(
        "{} (module {}, microbatch {}, collective {}) meets {} (module {}, microbatch {}, collective {})",
        describe(program_, a.first), program_.modules[x.module].name, x.microbatch, a.second,
        describe(program_, b.first), program_.modules[y.module].name, y.microbatch, b.second)};
  }

  // --- hangs ---

  Wait waits_for(int r) {
    if (auto wait = wait_for_messages(r)) return *wait;
    for (int other : group_of(r)) {
      const RankState& s = ranks_[other];
      const bool there = other == r || (s.in_meeting && !ended(other) && group_of(other) == group_of(r));
      if (!there) return {other, fmt::format("rank {} to join collective {}", other, ranks_[r].collective)};
    }
    throw Refused{describe(program_, place(r)) + ": waits for nobody"};
  }

  std::string where(int r) const {
    const int last = static_cast<int>(list_of(program_, r, setup_).size()) - 1;
    if (!ended(r)) return describe(program_, place(r));
    if (last < 0) return fmt::format("the end of rank {}'s empty list", r);
    return "the end, past " + describe(program_, {r, setup_, last});
  }

  // Follows who waits for whom until a rank comes twice or one has ended.
  [[noreturn]] void refuse_hang(int r) {
    std::string text;
    std::vector<char> seen(ranks_.size(), 0);
    while (!seen[r]) {
      seen[r] = 1;
      const Wait wait = waits_for(r);
      text +=
          fmt::format("{}{} waits for {}", text.empty() ? "" : "; ", describe(program_, place(r)), wait.what);
      r = wait.rank;
      if (ended(r)) break;
    }
    throw Refused{fmt::format("{}; rank {} is at {}", text, r, where(r))};
  }

  const Program& program_;
  const std::vector<RankFacts>& facts_;
  const bool setup_;
  std::vector<RankState> ranks_;
  std::map<int, std::vector<int>> stages_;
  std::map<std::pair<int, int>, Meeting> meetings_;  // by communicator and its group's first rank
};

}  // namespace

void check_order(const Program& program, const std::vector<RankFacts>& facts,
                 const std::vector<Channel>& channels, bool setup) {
  Order(program, facts, channels, setup).run();
}

}  // namespace cordata::program
