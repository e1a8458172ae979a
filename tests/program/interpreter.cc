// SPDX-License-Identifier: Apache-2.0
#include "tests/program/interpreter.h"

#include <fmt/format.h>

#include <deque>
#include <map>
#include <memory>
#include <thread>
#include <tuple>

#include "cordata/program/posts.h"
#include "tests/program/meeting_place.h"

namespace cordata::tests {
namespace {

using namespace program;

struct Buffer {
  ir::Type type;
  int leaving = 0;  // messages that read it and have not ended
};
using BufferPtr = std::shared_ptr<Buffer>;

struct Post {
  int64_t bytes;
  ir::DType dtype;
  BufferPtr buffer;  // of a sender
  bool done = false;
};
using PostPtr = std::shared_ptr<Post>;

struct Wire {
  std::deque<PostPtr> sends, receives;
};

struct Gathering {
  std::vector<std::tuple<int, int, int>> who;  // module, microbatch, which of its collectives
  int64_t times = 0;
};

struct World {
  World(const Program& p, double deadline_s) : program(p), place(p.num_ranks, deadline_s) {}
  const Program& program;
  MeetingPlace place;
  std::map<std::tuple<int, int, int>, Wire> wires;  // from, to, tag
  std::map<std::pair<int, std::vector<int>>, Gathering> gatherings;
};

// Marks the elements of a box in a tensor; false when it sticks out.
bool paint(const ir::Shape& shape, const Box& box, std::vector<int>& marks) {
  if (box.start.size() != shape.size() || box.extent.size() != shape.size()) return false;
  for (int64_t i = 0; i < static_cast<int64_t>(marks.size()); ++i) {
    bool in = true;
    int64_t rest = i;
    for (int d = static_cast<int>(shape.size()) - 1; d >= 0; --d) {
      const int64_t x = rest % shape[d];
      rest /= shape[d];
      in = in && x >= box.start[d] && x < box.start[d] + box.extent[d];
    }
    marks[i] += in;
  }
  for (size_t d = 0; d < shape.size(); ++d)
    if (box.start[d] < 0 || box.start[d] + box.extent[d] > shape[d]) return false;
  return true;
}

int64_t bytes_of(const Box& box, ir::DType dtype) {
  int64_t n = ir::bytes_per_element(dtype);
  for (int64_t e : box.extent) n *= e;
  return n;
}

class Rank {
 public:
  Rank(World& world, int rank)
      : world_(world), place_(world.place), mine_(world.program.ranks[rank]), rank_(rank) {
    slots_.resize(mine_.num_slots);
    for (const Resident& r : mine_.residents) slots_.at(r.slot) = std::make_shared<Buffer>(Buffer{r.local});
    if (mine_.device_index >= 0)
      slots_.at(mine_.device_index) = std::make_shared<Buffer>(Buffer{ir::Type::tensor(ir::DType::kI32)});
  }

  void run(int steps) {
    try {
      walk(mine_.setup);
      for (int s = 0; s < steps; ++s) walk(mine_.step);
    } catch (const Failed&) {
    }
    std::lock_guard lock(place_.mutex);
    place_.ended();
  }

 private:
  void walk(const std::vector<Instruction>& list) {
    const auto posts = receives_posted_at(list);
    std::vector<std::vector<PostPtr>> pending(list.size());
    for (size_t i = 0; i < list.size(); ++i) {
      std::unique_lock lock(place_.mutex);
      place_.check();
      here_ = fmt::format("rank {} [{}] {}", rank_, i, list[i].label);
      for (int p : posts[i]) pending[p] = post(list[p]);
      one(list[i], pending[i], lock);
    }
  }

  void want(bool holds, const char* what) {
    if (!holds) place_.fail(here_ + ": " + what);
  }

  BufferPtr& place_of(Slot slot) {
    want(slot >= 0 && slot < static_cast<int>(slots_.size()), "no such slot");
    return slots_[slot];
  }
  BufferPtr read(Slot slot) {
    BufferPtr buffer = place_of(slot);
    want(buffer != nullptr, "reads an empty slot");
    return buffer;
  }
  void fill(Slot slot, const ir::Type& type) {
    want(place_of(slot) == nullptr, "fills a full slot");
    slots_[slot] = std::make_shared<Buffer>(Buffer{type});
  }

  void one(const Instruction& i, const std::vector<PostPtr>& pending, std::unique_lock<std::mutex>& lock) {
    switch (i.op) {
      case OpCode::kRun:
        return run(i, lock);
      case OpCode::kSend:
        return send(i);
      case OpCode::kRecv:
        return receive(i, pending, lock);
      case OpCode::kLoad:
      case OpCode::kNumber:
      case OpCode::kZero:
        return fill(i.results.at(0), i.type);
      case OpCode::kMove: {
        BufferPtr moved = read(i.args.at(0));
        place_of(i.args[0]) = nullptr;
        place_of(i.results.at(0)) = moved;
        return;
      }
      case OpCode::kFree:
        for (Slot s : i.args) place_of(s) = nullptr;
        return;
      case OpCode::kLoss:
        return want(read(i.args.at(0))->type.num_elements() == 1, "the loss is no scalar");
    }
  }

  void run(const Instruction& i, std::unique_lock<std::mutex>& lock) {
    bool known = false;
    for (int m : mine_.modules) known = known || m == i.module;
    want(known, "not a module of this rank");
    const ModuleText& module = world_.program.modules[i.module];
    std::vector<Buffer*> reads;
    for (size_t a = 0; a < i.args.size(); ++a) {
      reads.push_back(read(i.args[a]).get());
      want(reads.back()->type == module.args.at(a), "an argument of another type");
    }
    for (size_t a = 0; a < i.args.size(); ++a) {
      if (module.alias.at(a) < 0) continue;
      int uses = 0;
      for (Buffer* b : reads) uses += b == reads[a];
      want(uses == 1, "a donated buffer is read besides");
      place_.wait(lock, "a buffer to leave", [b = read(i.args[a])] { return b->leaving == 0; });
    }
    for (size_t k = 0; k < module.comms.size(); ++k) gather(i, module.comms[k], static_cast<int>(k), lock);
    for (size_t a = 0; a < i.args.size(); ++a)
      if (module.alias[a] >= 0) place_of(i.args[a]) = nullptr;
    for (size_t r = 0; r < i.results.size(); ++r) fill(i.results[r], module.results.at(r));
  }

  void gather(const Instruction& i, int comm, int k, std::unique_lock<std::mutex>& lock) {
    std::vector<int> group;
    if (comm < 0)
      for (const RankProgram& r : world_.program.ranks)
        if (r.stage == mine_.stage) group.push_back(r.rank);
    if (comm >= 0)
      for (const auto& candidate : world_.program.communicators.at(comm))
        for (int r : candidate)
          if (r == rank_) group = candidate;
    want(!group.empty(), "not a member of the communicator");
    Gathering& g = world_.gatherings[{comm, group}];
    const std::tuple<int, int, int> me{i.module, i.microbatch, k};
    if (!g.who.empty()) want(g.who[0] == me, "meets another collective");
    g.who.push_back(me);
    const int64_t before = g.times;
    if (g.who.size() == group.size()) {
      g.who.clear();
      ++g.times;
      place_.changed();
    }
    place_.wait(lock, "a collective", [&g, before] { return g.times != before; });
  }

  void send(const Instruction& i) {
    BufferPtr buffer = read(i.args.at(0));
    std::vector<int> marks(buffer->type.num_elements());
    want(paint(buffer->type.shape, i.box, marks), "a box outside");
    want(i.peer >= 0 && i.peer < world_.program.num_ranks, "no such rank");
    auto post = std::make_shared<Post>(Post{bytes_of(i.box, buffer->type.dtype), buffer->type.dtype, buffer});
    ++buffer->leaving;
    Wire& wire = world_.wires[{rank_, i.peer, i.tag}];
    wire.sends.push_back(post);
    match(wire);
  }

  std::vector<PostPtr> post(const Instruction& i) {
    std::vector<PostPtr> posts;
    for (const Piece& piece : i.pieces) {
      posts.push_back(std::make_shared<Post>(
          Post{bytes_of(piece.box, i.type.dtype), i.type.dtype, nullptr, piece.peer == rank_}));
      if (piece.peer == rank_) continue;
      want(piece.peer >= 0 && piece.peer < world_.program.num_ranks, "no such rank");
      Wire& wire = world_.wires[{piece.peer, rank_, piece.tag}];
      wire.receives.push_back(posts.back());
      match(wire);
    }
    return posts;
  }

  void match(Wire& wire) {
    while (!wire.sends.empty() && !wire.receives.empty()) {
      Post &out = *wire.sends.front(), &in = *wire.receives.front();
      want(out.bytes == in.bytes && out.dtype == in.dtype, "a message of another size or type");
      out.done = in.done = true;
      --out.buffer->leaving;
      wire.sends.pop_front();
      wire.receives.pop_front();
      place_.changed();
    }
  }

  void receive(const Instruction& i, const std::vector<PostPtr>& pending,
               std::unique_lock<std::mutex>& lock) {
    std::vector<int> marks(i.type.num_elements());
    for (size_t p = 0; p < i.pieces.size(); ++p) {
      want(paint(i.type.shape, i.pieces[p].box, marks), "a piece outside");
      if (i.pieces[p].peer == rank_) {
        const BufferPtr from = read(i.pieces[p].local_slot);
        want(from->type.dtype == i.type.dtype && i.pieces[p].source.extent == i.pieces[p].box.extent,
             "a local piece that does not fit");
        std::vector<int> read_marks(from->type.num_elements());
        want(paint(from->type.shape, i.pieces[p].source, read_marks), "a local piece outside");
      }
      place_.wait(lock, "a message", [post = pending[p]] { return post->done; });
    }
    for (int m : marks) want(m == 1, "pieces that do not tile the buffer");
    fill(i.results.at(0), i.type);
  }

  World& world_;
  MeetingPlace& place_;
  const RankProgram& mine_;
  const int rank_;
  std::vector<BufferPtr> slots_;
  std::string here_;
};

}  // namespace

Verdict interpret(const Program& program, int steps, double deadline_s) {
  World world(program, deadline_s);
  std::vector<std::unique_ptr<Rank>> ranks;
  for (int r = 0; r < program.num_ranks; ++r) ranks.push_back(std::make_unique<Rank>(world, r));
  std::vector<std::thread> threads;
  for (auto& rank : ranks) threads.emplace_back([&rank, steps] { rank->run(steps); });
  for (auto& thread : threads) thread.join();
  Verdict verdict = world.place.verdict;
  if (verdict.why.empty())
    for (const auto& [key, wire] : world.wires)
      if (!wire.sends.empty() || !wire.receives.empty())
        verdict.why = fmt::format("a message from {} to {} under tag {} is left over", std::get<0>(key),
                                  std::get<1>(key), std::get<2>(key));
  return verdict;
}

}  // namespace cordata::tests
