// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>

#include "cordata/runtime/held_bytes.h"
#include "cordata/runtime/transport/transport.h"

namespace cordata::runtime {

// Memory that grows and is kept, so that packing a tensor costs no page faults after the first step.
class Scratch {
 public:
  explicit Scratch(HeldBytes& held) : held_(held) {}
  ~Scratch() {
    for (const Part& part : parts_) held_.add(-part.bytes);
  }
  Scratch(const Scratch&) = delete;

  std::byte* get(int which, int64_t bytes) {
    Part& part = parts_[which];
    if (part.bytes < bytes) {
      part.memory.reset();
      part.memory.reset(new std::byte[bytes]);
      held_.add(bytes - part.bytes);
      part.bytes = bytes;
    }
    return part.memory.get();
  }

 private:
  struct Part {
    std::unique_ptr<std::byte[]> memory;
    int64_t bytes = 0;
  };
  HeldBytes& held_;
  Part parts_[2];
};

// A dense row-major tensor as a handler sees it.
struct TensorView {
  void* data;
  DType type;
  std::span<const int64_t> dims;
};

// Collectives along a dim of a tensor, over the flat ones of a Communicator. Dim 0 needs no packing. Result
// shapes are StableHLO's; each throws an internal error when in and out don't fit each other.
void all_gather(Communicator& comm, const TensorView& in, const TensorView& out, int64_t dim,
                Scratch& scratch);
void reduce_scatter(Communicator& comm, const TensorView& in, const TensorView& out, int64_t dim,
                    Reduce reduce, Scratch& scratch);
void all_to_all(Communicator& comm, const TensorView& in, const TensorView& out, int64_t split_dim,
                int64_t concat_dim, Scratch& scratch);

}  // namespace cordata::runtime
