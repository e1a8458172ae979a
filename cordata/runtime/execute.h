// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>

#include "cordata/program/program.h"
#include "cordata/runtime/one_at_a_time.h"
#include "cordata/runtime/pjrt/client.h"
#include "cordata/runtime/trace.h"
#include "cordata/runtime/transport/transport.h"

namespace cordata::runtime {

// Writes the bytes of a resident's block (its `box` of the global tensor, dense) before the first step.
using FillBlock = std::function<void(const program::Resident& resident, std::span<std::byte> block)>;
// Writes `box` of batch input `input` of a microbatch, dense.
using LoadBox = std::function<void(int input, int64_t step, int microbatch, const program::Box& box,
                                   std::span<std::byte> to)>;

struct ExecutorOptions {
  base::Seconds time_limit{600};  // of every wait and every collective
  Trace* trace = nullptr;         // filled when given
  OneAtATime* alone = nullptr;    // asked before each module without collectives (their ranks run together)
};

// What a rank did so far.
struct ExecutorCounters {
  int64_t bytes_sent = 0, bytes_received = 0, bytes_loaded = 0;
  // The most that was held at once: device buffers, messages' and collectives' own memory, and the
  // temporaries of the module that runs, as its compiler says.
  int64_t peak_bytes = 0;
  base::Seconds compile{0}, run{0}, wait{0};  // compile time; time in modules; time waiting for messages
};

// Runs one rank's list of a Program. Everything is resolved when it is made: modules compiled, boxes turned
// into runs of bytes, receives given the point where they are posted (before the module that runs ahead of
// the one that needs them), so that a step only walks a flat list. Messages move while modules run; a module
// starts as soon as what it reads is there. Made and used by all ranks in step with each other. Errors name
// rank, stage and instruction. The client should be made with asynchronous = false, so that ranks run modules
// with collectives in the same order. All of them outlive the executor.
class Executor {
 public:
  Executor(const program::Program& program, int rank, const Client& client, Transport& transport,
           const ExecutorOptions& options = {});
  ~Executor();

  // Fills the residents and runs the setup list; once, before the first step.
  void start(const FillBlock& fill);
  // Runs the step list. Gives the loss on the ranks that hold it (kLoss).
  std::optional<double> step(int64_t number, const LoadBox& load);
  // Waits for messages that still leave; after the last step, and before a checkpoint or a barrier that ends
  // the run.
  void finish();

  // The block of a resident as it is now. `to` has resident.local.num_bytes() bytes.
  void read(const program::Resident& resident, std::span<std::byte> to) const;
  // What is in a slot, downloaded; for tests and evaluations.
  std::vector<std::byte> read_slot(program::Slot slot) const;

  ExecutorCounters counters() const;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace cordata::runtime
