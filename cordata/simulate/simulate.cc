// SPDX-License-Identifier: Apache-2.0
#include "cordata/simulate/simulate.h"

#include <algorithm>
#include <deque>
#include <map>
#include <queue>
#include <tuple>

#include "cordata/base/error.h"
#include "cordata/program/posts.h"
#include "cordata/simulate/cores.h"
#include "cordata/simulate/links.h"
#include "cordata/simulate/memory.h"
#include "cordata/simulate/module_cost.h"

namespace cordata::simulate {
namespace {

using base::Lane;
using program::Instruction;
using program::OpCode;
using program::Program;

// A RUN's work on one rank, in seconds.
struct Timing {
  std::vector<double> compute, collective;
  std::vector<std::vector<int>> groups;  // by collective
  int64_t transient = 0, packed = 0, received = 0;
  double flops = 0;
};

// A message on its way, or one end of it that waits for the other.
struct Message {
  int from = -1, to = -1;
  int64_t bytes = 0;
  double sent = -1, posted = -1;  // -1: not yet
  bool arrived = false;
  const std::string *send_label = nullptr, *receive_label = nullptr;
  Memory::Ptr source;
};

struct Channel {
  std::vector<int> messages;
  size_t sent = 0, posted = 0;
};

struct Meeting {
  std::vector<int> here;
};

struct RankState {
  explicit RankState(int slots) : memory(slots) {}
  int step = 0, position = 0;
  bool arrived = false;  // has posted what is posted at this position
  bool asleep = false;   // waits for an event of its own: computing, or in a collective
  size_t segment = 0;    // of the RUN: collectives that have ended
  double since = 0;      // when it came to this position
  double run_begin = 0;
  std::vector<std::vector<int>> posts;
  std::map<int, std::vector<int>> pending;  // RECVs posted: messages by piece, -1 for local ones
  std::map<int, Memory::Ptr> receiving;
  Memory memory;
  int64_t packed = 0, received = 0;  // bytes that collectives have for it
  std::vector<base::TimelineEvent> events;
  double busy = 0;
};

struct Event {
  double at;
  int64_t order;
  enum class Kind : uint8_t { kComputed, kArrived, kMet } kind;
  int who;  // rank; message
  int version;
  bool operator>(const Event& o) const { return std::tie(at, order) > std::tie(o.at, o.order); }
};

class Engine {
 public:
  Engine(const Program& program, const cluster::Cluster& cluster, const SimulationOptions& options)
      : program_(program),
        cluster_(cluster),
        options_(options),
        cores_(cluster),
        links_(cluster, options.free_transfers) {
    if (program.num_ranks > cluster.num_devices())
      throw base::user_error("[simulate] wanted a cluster of {} devices or more, got {}", program.num_ranks,
                             cluster.num_devices());
    for (const auto& r : program.ranks) {
      RankState& s = ranks_.emplace_back(r.num_slots);
      kinds_.push_back(cluster.kinds_in(r.rank, 1).front());
      s.posts = program::receives_posted_at(r.step);
      for (const auto& resident : r.residents) s.memory.put(resident.slot, s.memory.make(resident.local, 0));
      if (r.device_index >= 0)
        s.memory.put(r.device_index, s.memory.make(ir::Type::tensor(ir::DType::kI32), 0));
      for (const Instruction& i : r.setup) {
        if (i.op != OpCode::kZero)
          throw base::internal_error("[simulate] wanted ZEROs in setup, got {}", program::name(i.op));
        s.memory.put(i.results.at(0), s.memory.make(i.type, 0));
      }
    }
    ends_.assign(static_cast<size_t>(std::max(options.steps, 1)), 0.0);
  }

  SimulationResult run() {
    for (int r = 0; r < program_.num_ranks; ++r) go(r);
    while (!queue_.empty()) {
      const Event e = queue_.top();
      queue_.pop();
      if (e.kind == Event::Kind::kComputed && !cores_.is_current(e.who, e.version)) continue;
      now_ = e.at;
      handle(e);
    }
    for (int r = 0; r < program_.num_ranks; ++r)
      if (!ended(r))
        throw base::internal_error("[simulate] rank {} waits forever in step[{}]; program::check says why", r,
                                   ranks_[r].position);
    return result();
  }

 private:
  int steps() const { return static_cast<int>(ends_.size()); }
  const std::vector<Instruction>& list(int r) const { return program_.ranks[r].step; }
  bool ended(int r) const { return ranks_[r].step == steps(); }

  void at(double when, Event::Kind kind, int who, int version = 0) {
    queue_.push({when, order_++, kind, who, version});
  }
  void trace(int r, Lane lane, const std::string& label, double begin, double end, int64_t bytes = 0) {
    ranks_[r].events.push_back({lane, label, begin, end, bytes});
  }

  void handle(const Event& e) {
    if (e.kind == Event::Kind::kArrived) return arrive(e.who);
    RankState& s = ranks_[e.who];
    s.asleep = false;
    if (e.kind == Event::Kind::kComputed) {
      reschedule(cores_.end(e.who, now_));
      if (s.segment < timing(e.who).collective.size()) return meet(e.who);
      end_run(e.who);
    } else {
      ++s.segment;
      compute(e.who);
      return;
    }
    go(e.who);
  }

  // --- the list ---

  // Goes on until the rank waits for something.
  void go(int r) {
    RankState& s = ranks_[r];
    while (!ended(r) && !s.asleep) {
      if (s.position == static_cast<int>(list(r).size())) {
        ends_[static_cast<size_t>(s.step)] = std::max(ends_[static_cast<size_t>(s.step)], now_);
        ++s.step, s.position = 0, s.arrived = false;
        continue;
      }
      if (!s.arrived) {
        for (int i : s.posts[static_cast<size_t>(s.position)]) post(r, i);
        s.arrived = true;
        s.since = now_;
      }
      if (!one(r, list(r)[static_cast<size_t>(s.position)])) return;
    }
  }

  void next(int r) {
    ++ranks_[r].position;
    ranks_[r].arrived = false;
  }

  // False when it has to wait.
  bool one(int r, const Instruction& i) {
    RankState& s = ranks_[r];
    switch (i.op) {
      case OpCode::kRun:
        return begin_run(r, i);
      case OpCode::kRecv:
        if (!receive(r, i)) return false;
        break;
      case OpCode::kSend:
        send(r, i);
        break;
      case OpCode::kLoad:
      case OpCode::kNumber:
      case OpCode::kZero:
        s.memory.put(i.results.at(0), s.memory.make(i.type, now_));
        break;
      case OpCode::kMove:
        s.memory.move(i.args.at(0), i.results.at(0), now_);
        break;
      case OpCode::kFree:
        for (program::Slot slot : i.args) s.memory.clear(slot, now_);
        break;
      case OpCode::kLoss:
        break;
    }
    next(r);
    return true;
  }

  // --- modules ---

  bool begin_run(int r, const Instruction& i) {
    RankState& s = ranks_[r];
    const auto& alias = program_.modules.at(static_cast<size_t>(i.module)).alias;
    for (size_t a = 0; a < i.args.size(); ++a)
      if (s.memory.get(i.args[a])->leaving > 0 && a < alias.size() && alias[a] >= 0) return false;
    if (now_ > s.since) trace(r, Lane::kWait, i.label, s.since, now_);
    s.run_begin = now_;
    s.segment = 0;
    keep(s.packed, timing(r).packed, s.memory);
    keep(s.received, timing(r).received, s.memory);
    s.memory.change(timing(r).transient, now_);
    flops_ += timing(r).flops;
    compute(r);
    return false;
  }

  // What collectives pack tensors into grows as it must, and stays.
  void keep(int64_t& kept, int64_t wanted, Memory& memory) {
    if (wanted > kept) memory.change(wanted - kept, now_);
    kept = std::max(kept, wanted);
  }

  const Timing& timing(int r) {
    const int module = list(r)[static_cast<size_t>(ranks_[r].position)].module;
    const bool collective = program_.modules[static_cast<size_t>(module)].collective;
    auto& known = timings_[{module, collective ? r : kinds_[r]}];
    if (known.compute.empty()) known = make_timing(module, r);
    return known;
  }

  Timing make_timing(int module, int r) {
    const auto measured = options_.run_times.find(module);
    const program::ModuleText& text = program_.modules[static_cast<size_t>(module)];
    Timing t;
    if (measured != options_.run_times.end() &&
        text.text.empty()) {  // nothing to read: all at once, then its collectives
      t.compute.assign(text.comms.size() + 1, 0.0);
      t.compute[0] = measured->second.value;
      t.collective.assign(text.comms.size(), 0.0);
      for (int comm : text.comms) t.groups.push_back(group_of(program_, comm, r));
      return t;
    }
    const auto [cost, fresh] = costs_.try_emplace({module, kinds_[r]});
    if (fresh) cost->second = module_cost(text, cluster_.device_at(r));
    for (const auto& call : cost->second.collectives) {
      t.groups.push_back(group_of(program_, call.comm, r));
      t.collective.push_back(collective_time(call, program_, r, cluster_).value);
    }
    for (base::Seconds s : cost->second.compute) t.compute.push_back(s.value);
    t.transient = static_cast<int64_t>(cost->second.transient.value);
    t.packed = cost->second.packed, t.received = cost->second.received;
    t.flops = cost->second.flops.value;
    if (measured != options_.run_times.end()) scale(t, measured->second.value);
    return t;
  }

  // The shares stay those of the model.
  static void scale(Timing& t, double total) {
    double modelled = 0;
    for (double s : t.compute) modelled += s;
    for (double s : t.collective) modelled += s;
    if (modelled <= 0) {
      t.compute.front() = total;
      return;
    }
    for (double& s : t.compute) s *= total / modelled;
    for (double& s : t.collective) s *= total / modelled;
  }

  void compute(int r) {
    RankState& s = ranks_[r];
    s.asleep = true;
    reschedule(cores_.begin(r, timing(r).compute[s.segment], now_));
  }

  void reschedule(const std::vector<Cores::Finish>& finishes) {
    for (const auto& f : finishes) at(f.at, Event::Kind::kComputed, f.rank, f.version);
  }

  void meet(int r) {
    RankState& s = ranks_[r];
    s.asleep = true;
    const Timing& t = timing(r);
    const auto& group = t.groups[s.segment];
    const int module = list(r)[static_cast<size_t>(s.position)].module;
    Meeting& meeting =
        meetings_[{program_.modules[static_cast<size_t>(module)].comms.at(s.segment), group.front()}];
    meeting.here.push_back(r);
    if (meeting.here.size() < group.size()) return;
    for (int member : meeting.here) at(now_ + t.collective[s.segment], Event::Kind::kMet, member);
    meeting.here.clear();
  }

  void end_run(int r) {
    RankState& s = ranks_[r];
    const Instruction& i = list(r)[static_cast<size_t>(s.position)];
    const program::ModuleText& module = program_.modules[static_cast<size_t>(i.module)];
    s.memory.change(-timing(r).transient, now_);
    for (size_t a = 0; a < i.args.size(); ++a)
      if (a < module.alias.size() && module.alias[a] >= 0) s.memory.clear(i.args[a], now_);
    for (size_t k = 0; k < i.results.size(); ++k)
      s.memory.put(i.results[k], s.memory.make(module.results.at(k), now_));
    trace(r, Lane::kCompute, i.label, s.run_begin, now_);
    s.busy += now_ - s.run_begin;
    next(r);
  }

  // --- messages ---

  static int64_t bytes_of(const program::Box& box, ir::DType dtype) {
    int64_t n = ir::bytes_per_element(dtype);
    for (int64_t e : box.extent) n *= e;
    return n;
  }

  int message(std::tuple<int, int, int> key, size_t Channel::*end) {
    Channel& c = channels_[key];
    const size_t k = c.*end;
    ++(c.*end);
    if (k == c.messages.size()) {
      c.messages.push_back(static_cast<int>(messages_.size()));
      messages_.push_back({std::get<0>(key), std::get<1>(key)});
    }
    return c.messages[k];
  }

  void send(int r, const Instruction& i) {
    const int id = message({r, i.peer, i.tag}, &Channel::sent);
    Message& m = messages_[static_cast<size_t>(id)];
    m.source = ranks_[r].memory.get(i.args.at(0));
    ++m.source->leaving;
    ranks_[r].memory.hold(m.source);
    m.bytes = bytes_of(i.box, m.source->type.dtype);
    m.sent = now_;
    m.send_label = &i.label;
    leave(id);
  }

  void post(int r, int position) {
    const Instruction& i = list(r)[static_cast<size_t>(position)];
    RankState& s = ranks_[r];
    s.receiving[position] = s.memory.make(i.type, now_);
    auto& pending = s.pending[position];
    for (const program::Piece& piece : i.pieces) {
      if (piece.peer == r) continue;
      const int id = message({piece.peer, r, piece.tag}, &Channel::posted);
      pending.push_back(id);
      messages_[static_cast<size_t>(id)].posted = now_;
      messages_[static_cast<size_t>(id)].receive_label = &i.label;
      leave(id);
    }
  }

  void leave(int id) {
    Message& m = messages_[static_cast<size_t>(id)];
    if (m.sent < 0 || m.posted < 0) return;
    const double ready = std::max(m.posted, m.sent + options_.message_delay.value);
    at(links_.arrival(m.from, m.to, m.bytes, ready), Event::Kind::kArrived, id);
  }

  void arrive(int id) {
    Message& m = messages_[static_cast<size_t>(id)];
    m.arrived = true;
    --m.source->leaving;
    ranks_[m.from].memory.drop(m.source, now_);
    m.source = nullptr;
    trace(m.from, Lane::kSend, *m.send_label, m.sent, now_, m.bytes);
    trace(m.to, Lane::kReceive, *m.receive_label, m.posted, now_, m.bytes);
    for (int r : {m.to, m.from}) go(r);  // whoever waits for it
  }

  bool receive(int r, const Instruction& i) {
    RankState& s = ranks_[r];
    const auto pending = s.pending.find(s.position);
    for (int id : pending->second)
      if (!messages_[static_cast<size_t>(id)].arrived) return false;
    s.pending.erase(pending);
    s.memory.put(i.results.at(0), s.receiving.extract(s.position).mapped());
    trace(r, Lane::kWait, i.label, s.since, now_, i.type.num_bytes());
    return true;
  }

  SimulationResult result() {
    SimulationResult out;
    const double first = ends_.front(), last = ends_.back();
    out.step = base::Seconds(steps() == 1 ? last : (last - first) / (steps() - 1));
    out.flops = base::Flops(flops_ / steps());
    for (RankState& s : ranks_) {
      RankTimeline line{std::move(s.events), s.memory.curve(),
                        base::Bytes(static_cast<double>(s.memory.peak())), base::Seconds(s.busy)};
      std::stable_sort(line.events.begin(), line.events.end(),
                       [](const auto& a, const auto& b) { return a.begin_s < b.begin_s; });
      out.peak_memory = std::max(out.peak_memory, line.peak_memory);
      out.ranks.push_back(std::move(line));
    }
    return out;
  }

  const Program& program_;
  const cluster::Cluster& cluster_;
  const SimulationOptions& options_;
  Cores cores_;
  Links links_;
  double now_ = 0, flops_ = 0;
  int64_t order_ = 0;
  std::priority_queue<Event, std::vector<Event>, std::greater<>> queue_;
  std::deque<RankState> ranks_;
  std::deque<Message> messages_;
  std::map<std::tuple<int, int, int>, Channel> channels_;
  std::map<std::pair<int, int>, Meeting> meetings_;
  std::vector<int> kinds_;  // by rank: the first with such a device
  // By module, and rank where collectives depend on it, else kind.
  std::map<std::pair<int, int>, Timing> timings_;
  std::map<std::pair<int, int>, ModuleCost> costs_;  // by module and kind
  std::vector<double> ends_;
};

}  // namespace

SimulationResult simulate(const Program& program, const cluster::Cluster& cluster,
                          const SimulationOptions& options) {
  return Engine(program, cluster, options).run();
}

void write_trace(const SimulationResult& result, const std::string& path) {
  std::vector<std::string> ranks;
  for (size_t r = 0; r < result.ranks.size(); ++r)
    ranks.push_back(
        base::to_chrome_events(static_cast<int>(r), result.ranks[r].events, result.ranks[r].memory));
  base::write_chrome_trace(path, ranks);
}

}  // namespace cordata::simulate
