// SPDX-License-Identifier: Apache-2.0
#include "tests/program/mutants.h"

#include <fmt/format.h>

#include <set>

namespace cordata::tests {
namespace {

using namespace program;

size_t draw(size_t n, std::mt19937_64& random) { return static_cast<size_t>(random() % n); }

std::vector<int*> peers(Instruction& i) {
  std::vector<int*> all;
  if (i.op == OpCode::kSend) all.push_back(&i.peer);
  for (Piece& p : i.pieces) all.push_back(&p.peer);
  return all;
}

std::vector<int*> tags(Instruction& i) {
  std::vector<int*> all;
  if (i.op == OpCode::kSend) all.push_back(&i.tag);
  for (Piece& p : i.pieces) all.push_back(&p.tag);
  return all;
}

std::vector<int*> slots(Instruction& i) {
  std::vector<int*> all;
  for (Slot& s : i.args) all.push_back(&s);
  for (Slot& s : i.results) all.push_back(&s);
  return all;
}

// The instruction's numbers of a kind, each of which another value of `values` may replace.
bool redirect(const std::vector<int*>& numbers, const std::set<int>& values, std::mt19937_64& random) {
  if (numbers.empty()) return false;
  int& number = *numbers[draw(numbers.size(), random)];
  std::vector<int> others;
  for (int v : values)
    if (v != number) others.push_back(v);
  if (others.empty()) return false;
  number = others[draw(others.size(), random)];
  return true;
}

bool apply(Program& p, RankProgram& rank, std::vector<Instruction>& list, size_t at, Mutation mutation,
           std::mt19937_64& random) {
  std::set<int> values;
  switch (mutation) {
    case Mutation::kDrop:
      list.erase(list.begin() + static_cast<long>(at));
      return true;
    case Mutation::kDouble:
      list.insert(list.begin() + static_cast<long>(at), Instruction(list[at]));
      return true;
    case Mutation::kSwap:
      if (at + 1 == list.size()) return false;
      std::swap(list[at], list[at + 1]);
      return true;
    case Mutation::kMove: {
      Instruction moved = list[at];
      list.erase(list.begin() + static_cast<long>(at));
      const size_t to = draw(list.size() + 1, random);
      list.insert(list.begin() + static_cast<long>(to), std::move(moved));
      return to != at;
    }
    case Mutation::kPeer:
      for (const RankProgram& r : p.ranks)
        if (r.rank != rank.rank) values.insert(r.rank);
      return redirect(peers(list[at]), values, random);
    case Mutation::kTag:
      for (RankProgram& r : p.ranks)
        for (Instruction& i : r.step)
          for (int* tag : tags(i)) values.insert(*tag);
      return redirect(tags(list[at]), values, random);
    case Mutation::kSlot:
      for (int s = 0; s < rank.num_slots; ++s) values.insert(s);
      return redirect(slots(list[at]), values, random);
  }
  return false;
}

}  // namespace

std::string_view name(Mutation m) {
  constexpr std::string_view kNames[] = {"dropped",
                                         "doubled",
                                         "swapped",
                                         "moved",
                                         "redirected to another peer",
                                         "redirected to another tag",
                                         "redirected to another slot"};
  return kNames[static_cast<int>(m)];
}

std::optional<Mutant> mutate(const Program& program, Mutation mutation, std::mt19937_64& random) {
  for (int tries = 0; tries < 1000; ++tries) {
    Mutant m{program, ""};
    RankProgram& rank = m.program.ranks[draw(m.program.ranks.size(), random)];
    std::vector<Instruction>& list = random() % 16 == 0 && !rank.setup.empty() ? rank.setup : rank.step;
    const size_t at = draw(list.size(), random);
    m.what = fmt::format("rank {}, {}[{}] {} \"{}\" {}", rank.rank, &list == &rank.setup ? "setup" : "step",
                         at, program::name(list[at].op), list[at].label, name(mutation));
    if (apply(m.program, rank, list, at, mutation, random)) return m;
  }
  return std::nullopt;
}

}  // namespace cordata::tests
