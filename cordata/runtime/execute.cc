// SPDX-License-Identifier: Apache-2.0
#include "cordata/runtime/execute.h"

#include <algorithm>
#include <cstring>
#include <mutex>
#include <new>

#include "cordata/base/error.h"
#include "cordata/runtime/collectives/handlers.h"
#include "cordata/runtime/held_bytes.h"
#include "cordata/runtime/launch/where.h"
#include "cordata/runtime/messages.h"
#include "cordata/runtime/resolve.h"
#include "cordata/runtime/scalar.h"
#include "cordata/runtime/slots.h"

namespace cordata::runtime {
namespace {

using program::OpCode;
using program::Slot;
using Clock = Trace::Clock;

// A receive under way: the buffer to be, and a message for each piece that comes from elsewhere.
struct PendingReceive {
  std::shared_ptr<Buffer> buffer;
  struct Part {
    std::shared_ptr<Message> message;
    std::shared_ptr<std::byte[]> packed;  // null when received in place
  };
  std::vector<Part> parts;  // by piece; empty for local ones
};

// Of each number's groups the one that this rank is in, or null.
std::vector<std::unique_ptr<Communicator>> make_communicators(const program::Program& program,
                                                              Transport& transport) {
  std::vector<std::unique_ptr<Communicator>> communicators;
  for (const auto& groups : program.communicators) {
    auto& mine = communicators.emplace_back();
    for (const auto& ranks : groups) {
      if (auto made = transport.make_communicator(ranks)) mine = std::move(made);
    }
  }
  return communicators;
}

}  // namespace

class Executor::Impl {
 public:
  Impl(const program::Program& program, int rank, const Client& client, Transport& transport,
       const ExecutorOptions& options)
      : program_(program),
        mine_(program.ranks.at(rank)),
        client_(client),
        transport_(transport),
        options_(options),
        slots_(mine_.num_slots),
        messages_(options.trace) {
    transport.set_time_limit(options.time_limit);
    collectives_.communicators = make_communicators(program, transport);
    const bool collective = std::any_of(mine_.modules.begin(), mine_.modules.end(),
                                        [&](int m) { return program.modules.at(m).collective; });
    // Before modules are compiled: a plugin looks for the handlers then.
    if (collective) context_.emplace(client.plugin(), register_collectives(client.plugin()), &collectives_);
    compile();
    std::map<Slot, ir::Type> types;
    for (const auto& resident : mine_.residents) types[resident.slot] = resident.local;
    if (mine_.device_index >= 0) types[mine_.device_index] = ir::Type::tensor(ir::DType::kI32);
    setup_ = resolve(mine_.setup, rank, modules_, program.modules, types);
    step_ = resolve(mine_.step, rank, modules_, program.modules, types);
  }

  void start(const FillBlock& fill) {
    for (const auto& resident : mine_.residents) {
      say_where(fmt::format("rank {}, stage {}, setup, fill {}", mine_.rank, mine_.stage, resident.name));
      auto buffer = allocate(resident.local);
      fill(resident, {buffer->host_pointer(), static_cast<size_t>(resident.local.num_bytes())});
      slots_.put(resident.slot, std::move(buffer));
    }
    if (mine_.device_index >= 0) {
      auto buffer = allocate(ir::Type::tensor(ir::DType::kI32));
      const int32_t index = mine_.index_in_mesh;
      std::memcpy(buffer->host_pointer(), &index, sizeof index);
      slots_.put(mine_.device_index, std::move(buffer));
    }
    walk(setup_, -1, {});
  }

  std::optional<double> step(int64_t number, const LoadBox& load) {
    loss_.reset();
    walk(step_, number, load);
    return loss_;
  }

  void finish() { messages_.wait_for_all(deadline()); }

  void read(Slot slot, std::span<std::byte> to) const { slots_.get(slot)->download(to, deadline()); }
  std::vector<std::byte> read(Slot slot) const {
    std::vector<std::byte> bytes(slots_.get(slot)->num_bytes());
    read(slot, bytes);
    return bytes;
  }

  ExecutorCounters counters() const {
    ExecutorCounters c = counters_;
    c.peak_bytes = held_.peak();
    return c;
  }

 private:
  Deadline deadline() const { return Deadline::after(options_.time_limit); }

  void compile() {
    const auto begin = Clock::now();
    for (int m : mine_.modules) {
      const program::ModuleText& text = program_.modules.at(m);
      CompiledModule& module = modules_[m];
      try {
        module.executable = client_.compile(text.text);
      } catch (const base::Error& error) {
        throw base::Error(error.kind(), fmt::format("rank {}, stage {}, compile {}: {}", mine_.rank,
                                                    text.stage, text.name, error.what()));
      }
      MemoryStats stats = module.executable.memory();
      module.extra_bytes = static_cast<int64_t>((stats.results - stats.aliased + stats.temporaries).value);
      module.collective = text.collective;
      for (const ir::Type& type : text.results) module.result_bytes.push_back(type.num_bytes());
    }
    counters_.compile = since(begin);
  }

  static base::Seconds since(Clock::time_point begin) {
    return base::Seconds(std::chrono::duration<double>(Clock::now() - begin).count());
  }

  std::shared_ptr<Buffer> allocate(const ir::Type& type) {
    auto buffer = share(client_.allocate(type.dtype, type.shape), type.num_bytes());
    buffer->await(deadline(), "allocate a buffer");
    return buffer;
  }
  std::shared_ptr<Buffer> share(Buffer buffer, int64_t bytes) {
    return counted(std::make_unique<Buffer>(std::move(buffer)), bytes, held_);
  }
  std::shared_ptr<std::byte[]> memory(int64_t bytes) {
    return counted(std::unique_ptr<std::byte[]>(new std::byte[bytes]), bytes, held_);
  }

  // ---- the list
  void walk(const ResolvedList& list, int64_t number, const LoadBox& load) {
    receives_.assign(list.size(), {});
    const ResolvedInstruction* at = nullptr;
    try {
      for (const ResolvedInstruction& r : list) {
        at = &r;
        say_where(where(r, number));
        for (int i : r.post) post(list[i], receives_[i]);
        one(r, receives_[&r - list.data()], number, load);
      }
      say_where("");
    } catch (const base::Error& error) {
      throw base::Error(error.kind(), fmt::format("{}: {}", where(*at, number), error.what()));
    } catch (const std::bad_alloc&) {
      throw base::environment_error("{}: out of memory", where(*at, number));
    } catch (const std::exception& error) {
      throw base::internal_error("{}: {}", where(*at, number), error.what());
    }
  }

  std::string where(const ResolvedInstruction& r, int64_t number) const {
    std::string when = number < 0 ? "setup" : fmt::format("step {}", number);
    return fmt::format("rank {}, stage {}, {}, {} {}", mine_.rank, mine_.stage, when,
                       program::name(r.source->op), r.source->label);
  }

  void one(const ResolvedInstruction& r, PendingReceive& pending, int64_t number, const LoadBox& load) {
    switch (r.source->op) {
      case OpCode::kRun:
        return run(r);
      case OpCode::kSend:
        return send(r);
      case OpCode::kRecv:
        return receive(r, pending);
      case OpCode::kLoad:
        return this->load(r, number, load);
      case OpCode::kNumber:
        return this->number(r, number);
      case OpCode::kZero:
        return zero(r);
      case OpCode::kMove:
        return slots_.move(r.source->args[0], r.source->results[0]);
      case OpCode::kFree:
        for (Slot slot : r.source->args) slots_.clear(slot);
        return;
      case OpCode::kLoss:
        return loss(r);
    }
  }

  void trace(Trace::Lane lane, const ResolvedInstruction& r, Clock::time_point begin, int64_t bytes = 0) {
    if (options_.trace) options_.trace->add(lane, r.source->label, begin, Clock::now(), bytes);
  }

  void run(const ResolvedInstruction& r) {
    for (Slot slot : r.donated) wait_until_sent(r, slot);
    arguments_.clear();
    for (Slot slot : r.source->args) arguments_.push_back(slots_.get(slot).get());
    held_.note_extra(r.module->extra_bytes);
    std::unique_lock<OneAtATime> alone;
    if (options_.alone && !r.module->collective) alone = std::unique_lock(*options_.alone);
    const auto begin = Clock::now();
    Execution execution = r.module->executable.execute(arguments_, {context_ ? &*context_ : nullptr, {}});
    execution.done.await(deadline(), "run a module");
    if (alone) alone.unlock();
    for (Slot slot : r.donated) slots_.clear(slot);
    for (size_t i = 0; i < execution.results.size(); ++i) {
      slots_.put(r.source->results[i], share(std::move(execution.results[i]), r.module->result_bytes[i]));
    }
    counters_.run += since(begin);
    trace(Trace::Lane::kCompute, r, begin);
  }

  // A buffer that still leaves must not be overwritten.
  void wait_until_sent(const ResolvedInstruction& r, Slot slot) {
    if (slots_.alone(slot)) return;
    const auto begin = Clock::now();
    messages_.wait_until([&] { return slots_.alone(slot); }, deadline(),
                         "sending a buffer that is to be overwritten");
    counters_.wait += since(begin);
    trace(Trace::Lane::kWait, r, begin);
  }

  void send(const ResolvedInstruction& r) {
    const auto& buffer = slots_.get(r.source->args[0]);
    const std::byte* data = buffer->host_pointer();
    std::shared_ptr<const void> owner = buffer;
    if (r.pack.one_run()) {
      data += r.pack.from_offset();
    } else {
      auto packed = memory(r.bytes);
      r.pack.run(data, packed.get());
      data = packed.get();
      owner = packed;
    }
    messages_.add(transport_.send(data, r.bytes, r.source->peer, r.source->tag), std::move(owner),
                  {r.source->label, Trace::Lane::kSend, r.bytes});
    counters_.bytes_sent += r.bytes;
  }

  void post(const ResolvedInstruction& r, PendingReceive& pending) {
    pending.buffer = allocate(r.source->type);
    for (const ResolvedPiece& piece : r.pieces) {
      auto& part = pending.parts.emplace_back();
      if (piece.local) continue;
      std::byte* to = pending.buffer->host_pointer() + piece.offset;
      std::shared_ptr<const void> owner = pending.buffer;
      if (!piece.in_place) {
        part.packed = memory(piece.bytes);
        to = part.packed.get();
        owner = part.packed;
      }
      part.message = messages_.add(transport_.receive(to, piece.bytes, piece.peer, piece.tag),
                                   std::move(owner), {r.source->label, Trace::Lane::kReceive, piece.bytes});
    }
  }

  void receive(const ResolvedInstruction& r, PendingReceive& pending) {
    const auto begin = Clock::now();
    for (size_t i = 0; i < r.pieces.size(); ++i) {
      const ResolvedPiece& piece = r.pieces[i];
      std::byte* to = pending.buffer->host_pointer();
      if (piece.local) {
        piece.copy.run(slots_.get(piece.local_slot)->host_pointer(), to);
        continue;
      }
      auto& part = pending.parts[i];
      messages_.wait(*part.message, deadline(),
                     fmt::format("a message of {} bytes from rank {}", piece.bytes, piece.peer));
      if (part.packed) piece.copy.run(part.packed.get(), to);
      counters_.bytes_received += piece.bytes;
    }
    slots_.put(r.source->results[0], std::move(pending.buffer));
    pending.parts.clear();
    counters_.wait += since(begin);
    trace(Trace::Lane::kWait, r, begin, r.bytes);
  }

  void load(const ResolvedInstruction& r, int64_t number, const LoadBox& load) {
    if (!load) throw base::internal_error("[runtime.execute] wanted a source of batches, got none");
    const auto begin = Clock::now();
    auto buffer = allocate(r.source->type);
    load(r.source->input, number, r.source->microbatch, r.source->box,
         {buffer->host_pointer(), static_cast<size_t>(r.bytes)});
    slots_.put(r.source->results[0], std::move(buffer));
    counters_.bytes_loaded += r.bytes;
    trace(Trace::Lane::kWait, r, begin, r.bytes);
  }

  void number(const ResolvedInstruction& r, int64_t step) {
    const int64_t value = r.source->microbatch < 0 ? step : r.source->microbatch;
    auto buffer = allocate(r.source->type);
    std::memcpy(buffer->host_pointer(), &value, r.bytes);  // little-endian: the low bytes
    slots_.put(r.source->results[0], std::move(buffer));
  }

  void zero(const ResolvedInstruction& r) {
    auto buffer = allocate(r.source->type);
    std::memset(buffer->host_pointer(), 0, r.bytes);
    slots_.put(r.source->results[0], std::move(buffer));
  }

  void loss(const ResolvedInstruction& r) {
    const Buffer& buffer = *slots_.get(r.source->args[0]);
    std::vector<std::byte> bytes(buffer.num_bytes());
    buffer.download(bytes, deadline());
    loss_ = scalar(buffer.type(), bytes);
  }

  const program::Program& program_;
  const program::RankProgram& mine_;
  const Client& client_;
  Transport& transport_;
  ExecutorOptions options_;

  HeldBytes held_;  // before what it counts
  std::map<int, CompiledModule> modules_;
  CollectiveContext collectives_{held_};
  std::optional<ExecuteContext> context_;
  ResolvedList setup_, step_;

  Slots slots_;
  std::vector<PendingReceive> receives_;  // by position in the list that runs
  std::vector<const Buffer*> arguments_;  // of the module that runs
  std::optional<double> loss_;
  ExecutorCounters counters_;
  Messages messages_;  // last: its thread ends before what its messages use
};

Executor::Executor(const program::Program& program, int rank, const Client& client, Transport& transport,
                   const ExecutorOptions& options)
    : impl_(std::make_unique<Impl>(program, rank, client, transport, options)) {}
Executor::~Executor() = default;

void Executor::start(const FillBlock& fill) { impl_->start(fill); }
std::optional<double> Executor::step(int64_t number, const LoadBox& load) {
  return impl_->step(number, load);
}
void Executor::finish() { impl_->finish(); }
void Executor::read(const program::Resident& resident, std::span<std::byte> to) const {
  impl_->read(resident.slot, to);
}
std::vector<std::byte> Executor::read_slot(program::Slot slot) const { return impl_->read(slot); }
ExecutorCounters Executor::counters() const { return impl_->counters(); }

}  // namespace cordata::runtime
