// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "cordata/ir/type.h"
#include "cordata/runtime/deadline.h"

namespace cordata::runtime {

using ir::DType;

enum class Reduce : uint8_t { kAdd, kMul, kMax, kMin, kAnd, kOr };

std::string_view name(Reduce reduce);        // "add", "mul", "max", "min", "and", "or"
Reduce parse_reduce(std::string_view text);  // throws an internal error that lists the names

// A message on its way. The memory it reads or fills must stay until done() or the Transfer is destroyed;
// destroying one that isn't done is only for a rank that gives up.
class Transfer {
 public:
  virtual ~Transfer() = default;
  // Whether it has ended; makes progress. Throws an environment error when it failed.
  virtual bool done() = 0;
};

// Waits, sleeping longer the longer it takes. Throws an environment error naming `what` when the deadline
// passes.
void wait(Transfer& transfer, Deadline deadline, std::string_view what);

// The ranks of one communicator, in its own numbering. Every rank of it makes the same calls in the same
// order; each call returns when this rank's result is there. All throw an environment error when a rank or
// the network failed, or the transport's time limit passed. Steps and bytes of each algorithm:
// docs/collectives.md.
class Communicator {
 public:
  virtual ~Communicator() = default;
  virtual int rank() const = 0;
  virtual int size() const = 0;

  // out[i] = reduction of every rank's in[i], the same bits on every rank. `in` may be `out`; else they don't
  // overlap.
  virtual void all_reduce(const void* in, void* out, int64_t count, DType type, Reduce reduce) = 0;
  // out = every rank's `bytes` bytes, by rank.
  virtual void all_gather(const void* in, void* out, int64_t bytes) = 0;
  // in = size() blocks of `count` elements; out = the reduction of every rank's block number rank().
  virtual void reduce_scatter(const void* in, void* out, int64_t count, DType type, Reduce reduce) = 0;
  // in, out = size() blocks of `bytes` bytes; out's block r is block rank() of rank r.
  virtual void all_to_all(const void* in, void* out, int64_t bytes) = 0;
  // Sends `in` along each (source, target) pair; a rank that is no target gets zeros.
  virtual void permute(const void* in, void* out, int64_t bytes,
                       std::span<const std::pair<int, int>> pairs) = 0;
  virtual void broadcast(void* data, int64_t bytes, int root) = 0;
  virtual void barrier() = 0;
};

// What connects the ranks of a run. Point-to-point calls may come from any thread.
class Transport {
 public:
  virtual ~Transport() = default;
  virtual int rank() const = 0;
  virtual int size() const = 0;

  // Every rank of the world makes the same calls in the same order; those not in `ranks` get null.
  virtual std::unique_ptr<Communicator> make_communicator(const std::vector<int>& ranks) = 0;

  // A message of `bytes` bytes to or from a rank. Messages of one (sender, receiver, tag) arrive in order.
  // tag: 0 to 2^21 - 1.
  virtual std::unique_ptr<Transfer> send(const void* data, int64_t bytes, int to, int tag) = 0;
  virtual std::unique_ptr<Transfer> receive(void* data, int64_t bytes, int from, int tag) = 0;

  // How long a collective may take before it counts as failed (default 10 minutes).
  virtual void set_time_limit(base::Seconds limit) = 0;
  // Makes every rank's pending and later calls fail (threads), or ends the job with status 3 (MPI). First
  // cause wins.
  virtual void abort(const std::string& cause) = 0;
};

}  // namespace cordata::runtime
