// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <tuple>

#include "cordata/program/check.h"

namespace cordata::program {
namespace {

constexpr int kTags = 1 << 21;  // transports number their messages below this

using Key = std::tuple<int, int, int>;  // from, to, tag
using Channels = std::map<Key, Channel>;

void check_ends(const Program& program, const Place& place, int peer, int tag) {
  if (peer < 0 || peer >= program.num_ranks)
    throw Refused{fmt::format("{}: wanted a rank below {} at the other end, got {}", describe(program, place),
                              program.num_ranks, peer)};
  if (tag < 0 || tag >= kTags)
    throw Refused{fmt::format("{}: wanted a tag below {}, got {}", describe(program, place), kTags, tag)};
}

Channels channels_of(const Program& program, bool setup) {
  Channels channels;
  auto channel = [&](int from, int to, int tag) -> Channel& {
    Channel& c = channels[{from, to, tag}];
    c.from = from, c.to = to, c.tag = tag;
    return c;
  };
  for (int r = 0; r < program.num_ranks; ++r) {
    const auto& list = list_of(program, r, setup);
    for (int i = 0; i < static_cast<int>(list.size()); ++i) {
      const Place place{r, setup, i};
      if (list[i].op == OpCode::kSend) {
        check_ends(program, place, list[i].peer, list[i].tag);
        channel(r, list[i].peer, list[i].tag).sends.push_back({place});
      }
      if (list[i].op != OpCode::kRecv) continue;
      for (int p = 0; p < static_cast<int>(list[i].pieces.size()); ++p) {
        const Piece& piece = list[i].pieces[p];
        if (piece.peer == r) continue;  // a local copy
        check_ends(program, place, piece.peer, piece.tag);
        channel(piece.peer, r, piece.tag).receives.push_back({place, p});
      }
    }
  }
  return channels;
}

// How unlike two channels are: whoever wrote the wrong tag or peer meant the most alike one.
int distance(const Channel& a, const Channel& b) {
  return (a.from == b.from ? 0 : 2) + (a.to == b.to ? 0 : 2) + (a.tag == b.tag ? 0 : 1);
}

// The instruction at the other end that was probably meant: one without a partner if there is, else the last
// one taken by another.
std::string counterpart(const Program& program, const Channels& channels, const Channel& lone,
                        bool lone_sends) {
  const auto& mine = lone_sends ? lone.receives : lone.sends;
  if (!mine.empty())
    return fmt::format("{} goes with {}", describe(program, mine.back().place),
                       describe(program, (lone_sends ? lone.sends : lone.receives)[mine.size() - 1].place));
  const Channel* best = nullptr;
  bool best_is_free = false;
  for (const auto& [key, c] : channels) {
    const auto& others = lone_sends ? c.receives : c.sends;
    if (others.empty() || &c == &lone) continue;
    const bool is_free = others.size() > (lone_sends ? c.sends : c.receives).size();
    if (best &&
        (best_is_free > is_free || (best_is_free == is_free && distance(*best, lone) <= distance(c, lone))))
      continue;
    best = &c, best_is_free = is_free;
  }
  if (!best) return fmt::format("there is no {} at all", lone_sends ? "RECV" : "SEND");
  const Place& place = (lone_sends ? best->receives : best->sends).back().place;
  return fmt::format("the nearest is {} ({} {} under tag {})", describe(program, place),
                     lone_sends ? "from rank" : "to rank", lone_sends ? best->from : best->to, best->tag);
}

void match(const Program& program, const Channel& c, const Channels& all) {
  const size_t pairs = std::min(c.sends.size(), c.receives.size());
  if (c.sends.size() > pairs)
    throw Refused{fmt::format("{} sends to rank {} under tag {}, where no RECV takes it; {}",
                              describe(program, c.sends[pairs].place), c.to, c.tag,
                              counterpart(program, all, c, true))};
  if (c.receives.size() > pairs)
    throw Refused{fmt::format("{} wants a message from rank {} under tag {}, which no SEND gives; {}",
                              describe(program, c.receives[pairs].place), c.from, c.tag,
                              counterpart(program, all, c, false))};
}

}  // namespace

std::vector<Channel> match_messages(const Program& program, bool setup) {
  const Channels channels = channels_of(program, setup);
  std::vector<Channel> list;
  for (const auto& [key, c] : channels) {
    match(program, c, channels);
    list.push_back(c);
  }
  return list;
}

void check_messages(const Program& program, const std::vector<RankFacts>& facts,
                    const std::vector<Channel>& channels) {
  for (const Channel& c : channels)
    for (size_t k = 0; k < c.sends.size(); ++k) {
      const Place &s = c.sends[k].place, &r = c.receives[k].place;
      const Instruction& receive = at(program, r);
      const ListFacts& sent = facts[s.rank].list(s.setup);
      const int64_t bytes =
          volume(receive.pieces[c.receives[k].piece].box) * ir::bytes_per_element(receive.type.dtype);
      const ir::DType dtype = sent.send_dtype[s.position];
      if (sent.send_bytes[s.position] != bytes || dtype != receive.type.dtype)
        throw Refused{fmt::format("{} sends {} bytes of {} under tag {}, but {} wants {} of {}",
                                  describe(program, s), sent.send_bytes[s.position], ir::name(dtype), c.tag,
                                  describe(program, r), bytes, ir::name(receive.type.dtype))};
    }
}

}  // namespace cordata::program
