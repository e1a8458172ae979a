// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <optional>

#include "cordata/program/check.h"

namespace cordata::program {
namespace {

// Who touched a slot last.
struct Touch {
  enum class By : uint8_t { kNobody, kStart, kInstruction };
  By by = By::kNobody;
  Place place;
};

struct SlotState {
  std::optional<ir::Type> holds;
  Touch last;
  std::vector<int> sends;  // positions in the list that is walked: messages that leave from this buffer
};

bool inside(const Box& box, const ir::Shape& shape) {
  if (box.start.size() != shape.size() || box.extent.size() != shape.size()) return false;
  for (size_t d = 0; d < shape.size(); ++d)
    if (box.start[d] < 0 || box.extent[d] < 0 || box.start[d] + box.extent[d] > shape[d]) return false;
  return true;
}

bool overlap(const Box& a, const Box& b) {
  for (size_t d = 0; d < a.start.size(); ++d)
    if (a.start[d] + a.extent[d] <= b.start[d] || b.start[d] + b.extent[d] <= a.start[d]) return false;
  return true;
}

std::string text(const Box& box) {
  return fmt::format("[{}]+[{}]", fmt::join(box.start, ","), fmt::join(box.extent, ","));
}

class SlotWalk {
 public:
  SlotWalk(const Program& program, int rank) : program_(program), mine_(program.ranks[rank]), rank_(rank) {
    slots_.resize(std::max(mine_.num_slots, 0));
    for (const Resident& r : mine_.residents) start(r.slot, r.local);
    if (mine_.device_index >= 0) start(mine_.device_index, ir::Type::tensor(ir::DType::kI32));
  }

  RankFacts run() {
    RankFacts facts;
    facts.setup = walk(true);
    facts.step = walk(false);
    // Once a step leaves the slots as it found them, so does every step after it.
    for (int round = 0; !same_as_before_; ++round) {
      if (round == kRounds)
        throw Refused{
            fmt::format("rank {}: wanted slots that are the same after every step, got other ones after {}",
                        rank_, kRounds)};
      facts.step = walk(false);
    }
    return facts;
  }

 private:
  static constexpr int kRounds = 16;

  void start(Slot slot, const ir::Type& type) {
    if (slot < 0 || slot >= mine_.num_slots)
      throw Refused{fmt::format("rank {}: wanted slots 0 to {}, got a resident in {}", rank_,
                                mine_.num_slots - 1, slot)};
    if (slots_[slot].holds)
      throw Refused{fmt::format("rank {}: wanted a slot for each resident, got two in slot {}", rank_, slot)};
    slots_[slot] = {type, {Touch::By::kStart, {}}, {}};
  }

  ListFacts walk(bool setup) {
    const auto& list = list_of(program_, rank_, setup);
    const auto before = types();
    for (SlotState& s : slots_) s.sends.clear();
    facts_ = {};
    facts_.send_bytes.assign(list.size(), 0);
    facts_.send_dtype.assign(list.size(), ir::DType::kF32);
    facts_.overwrites.resize(list.size());
    here_ = {rank_, setup, 0};
    for (; here_.position < static_cast<int>(list.size()); ++here_.position) one(list[here_.position]);
    same_as_before_ = before == types();
    return std::move(facts_);
  }

  std::vector<std::optional<ir::Type>> types() const {
    std::vector<std::optional<ir::Type>> all;
    for (const SlotState& s : slots_) all.push_back(s.holds);
    return all;
  }

  // --- messages ---

  [[noreturn]] void refuse(const std::string& why) const {
    throw Refused{fmt::format("{}: {}", describe(program_, here_), why)};
  }

  std::string who(const Touch& touch, Slot slot) const {
    if (touch.by == Touch::By::kInstruction) return describe(program_, touch.place);
    for (const Resident& r : mine_.residents)
      if (r.slot == slot) return fmt::format("the start, for resident \"{}\"", r.name);
    return "the start";
  }

  // For a slot that nothing has filled yet: who would, or who else wants it.
  std::string next_user(Slot slot) const {
    auto uses = [&](const std::vector<Slot>& slots) {
      return std::find(slots.begin(), slots.end(), slot) != slots.end();
    };
    for (bool filler : {true, false})
      for (bool setup : {true, false}) {
        const auto& list = list_of(program_, rank_, setup);
        for (int i = 0; i < static_cast<int>(list.size()); ++i) {
          const Place place{rank_, setup, i};
          if (setup == here_.setup && i == here_.position) continue;
          if (uses(filler ? list[i].results : list[i].args))
            return (filler ? "it is filled by " : "nothing fills it, though it is also used by ") +
                   describe(program_, place);
        }
      }
    return "nothing fills it";
  }

  // --- slots ---

  SlotState& in_range(Slot slot) {
    if (slot < 0 || slot >= mine_.num_slots)
      refuse(fmt::format("wanted a slot from 0 to {}, got {}", mine_.num_slots - 1, slot));
    return slots_[slot];
  }

  SlotState& full(Slot slot) {
    SlotState& s = in_range(slot);
    if (s.holds) return s;
    if (s.last.by == Touch::By::kNobody)
      refuse(fmt::format("reads slot {}, which is empty; {}", slot, next_user(slot)));
    refuse(fmt::format("reads slot {}, which {} emptied", slot, who(s.last, slot)));
  }

  void want_type(Slot slot, const ir::Type& type, const std::string& what) {
    const SlotState& s = full(slot);
    if (*s.holds != type)
      refuse(fmt::format("{}: wanted {} in slot {}, got {} from {}", what, ir::to_string(type), slot,
                         ir::to_string(*s.holds), who(s.last, slot)));
  }

  void fill(Slot slot, const ir::Type& type) {
    SlotState& s = in_range(slot);
    if (s.holds) refuse(fmt::format("fills slot {}, which is full since {}", slot, who(s.last, slot)));
    s = {type, {Touch::By::kInstruction, here_}, {}};
  }

  void empty(Slot slot) { in_range(slot) = {std::nullopt, {Touch::By::kInstruction, here_}, {}}; }

  void want_counts(const Instruction& i, size_t args, size_t results) const {
    if (i.args.size() != args || i.results.size() != results)
      refuse(fmt::format("wanted {} arguments and {} results, got {} and {}", args, results, i.args.size(),
                         i.results.size()));
  }

  // --- instructions ---

  void one(const Instruction& i) {
    switch (i.op) {
      case OpCode::kRun:
        return run(i);
      case OpCode::kSend:
        return send(i);
      case OpCode::kRecv:
        return receive(i);
      case OpCode::kLoad:
        return load(i);
      case OpCode::kNumber:
        return number(i);
      case OpCode::kZero:
        want_counts(i, 0, 1);
        return fill(i.results[0], i.type);
      case OpCode::kMove:
        return move(i);
      case OpCode::kFree:
        for (Slot slot : i.args) empty(slot);
        return;
      case OpCode::kLoss:
        want_counts(i, 1, 0);
        if (full(i.args[0]).holds->num_elements() != 1)
          refuse(fmt::format("wanted a scalar, got {}", ir::to_string(*slots_[i.args[0]].holds)));
        return;
    }
  }

  void run(const Instruction& i) {
    if (std::find(mine_.modules.begin(), mine_.modules.end(), i.module) == mine_.modules.end() ||
        i.module < 0 || i.module >= static_cast<int>(program_.modules.size()))
      refuse(fmt::format("wanted a module of this rank, got number {}", i.module));
    const ModuleText& module = program_.modules[i.module];
    want_counts(i, module.args.size(), module.results.size());
    for (size_t a = 0; a < i.args.size(); ++a)
      want_type(i.args[a], module.args[a], fmt::format("argument {}", a));
    for (size_t a = 0; a < i.args.size() && a < module.alias.size(); ++a) {
      if (module.alias[a] < 0) continue;
      if (std::count(i.args.begin(), i.args.end(), i.args[a]) > 1)
        refuse(fmt::format("gives away slot {} (argument {}) and reads it besides", i.args[a], a));
      auto& waits = facts_.overwrites[here_.position];
      const auto& sends = slots_[i.args[a]].sends;
      waits.insert(waits.end(), sends.begin(), sends.end());
    }
    for (size_t a = 0; a < i.args.size() && a < module.alias.size(); ++a)
      if (module.alias[a] >= 0) empty(i.args[a]);
    for (size_t r = 0; r < i.results.size(); ++r) fill(i.results[r], module.results[r]);
  }

  void send(const Instruction& i) {
    want_counts(i, 1, 0);
    SlotState& s = full(i.args[0]);
    if (!inside(i.box, s.holds->shape))
      refuse(fmt::format("wanted a box inside {} (from {}), got {}", ir::to_string(*s.holds),
                         who(s.last, i.args[0]), text(i.box)));
    s.sends.push_back(here_.position);
    facts_.send_bytes[here_.position] = volume(i.box) * ir::bytes_per_element(s.holds->dtype);
    facts_.send_dtype[here_.position] = s.holds->dtype;
  }

  void receive(const Instruction& i) {
    want_counts(i, 0, 1);
    int64_t total = 0;
    for (size_t p = 0; p < i.pieces.size(); ++p) {
      const Piece& piece = i.pieces[p];
      if (!inside(piece.box, i.type.shape))
        refuse(fmt::format("wanted pieces inside {}, got {}", ir::to_string(i.type), text(piece.box)));
      for (size_t q = 0; q < p; ++q)
        if (overlap(piece.box, i.pieces[q].box) && volume(piece.box) > 0 && volume(i.pieces[q].box) > 0)
          refuse(fmt::format("wanted pieces apart, got {} and {}", text(i.pieces[q].box), text(piece.box)));
      total += volume(piece.box);
      if (piece.peer == rank_) local_piece(i, piece);
    }
    if (total != i.type.num_elements())
      refuse(fmt::format("wanted pieces of {} elements in all, got {}", i.type.num_elements(), total));
    fill(i.results[0], i.type);
  }

  void local_piece(const Instruction& i, const Piece& piece) {
    const SlotState& s = full(piece.local_slot);
    if (s.holds->dtype != i.type.dtype || !inside(piece.source, s.holds->shape) ||
        piece.source.extent != piece.box.extent)
      refuse(fmt::format("wanted {} of {} in slot {}, got {} of {} from {}", text(piece.box),
                         ir::name(i.type.dtype), piece.local_slot, text(piece.source),
                         ir::to_string(*s.holds), who(s.last, piece.local_slot)));
  }

  void load(const Instruction& i) {
    want_counts(i, 0, 1);
    if (i.input < 0 || i.input >= static_cast<int>(program_.inputs.size()))
      refuse(fmt::format("wanted one of {} inputs, got {}", program_.inputs.size(), i.input));
    if (i.microbatch < 0 || i.microbatch >= program_.microbatches)
      refuse(fmt::format("wanted one of {} microbatches, got {}", program_.microbatches, i.microbatch));
    const ir::Type& whole = program_.inputs[i.input].microbatch_type;
    if (!inside(i.box, whole.shape) || i.box.extent != i.type.shape || whole.dtype != i.type.dtype)
      refuse(fmt::format("wanted a box of {} as {}, got {}", ir::to_string(whole), ir::to_string(i.type),
                         text(i.box)));
    fill(i.results[0], i.type);
  }

  void number(const Instruction& i) {
    want_counts(i, 0, 1);
    if (i.microbatch < -1 || i.microbatch >= program_.microbatches)
      refuse(fmt::format("wanted one of {} microbatches, got {}", program_.microbatches, i.microbatch));
    if (i.type.rank() != 0 || !ir::is_integer(i.type.dtype))
      refuse(fmt::format("wanted an integer scalar, got {}", ir::to_string(i.type)));
    fill(i.results[0], i.type);
  }

  void move(const Instruction& i) {
    want_counts(i, 1, 1);
    SlotState taken = full(i.args[0]);
    empty(i.args[0]);
    taken.last = {Touch::By::kInstruction, here_};
    in_range(i.results[0]) = std::move(taken);
  }

  const Program& program_;
  const RankProgram& mine_;
  const int rank_;
  std::vector<SlotState> slots_;
  Place here_;
  ListFacts facts_;
  bool same_as_before_ = false;
};

}  // namespace

RankFacts check_slots(const Program& program, int rank) { return SlotWalk(program, rank).run(); }

}  // namespace cordata::program
