// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "cordata/runtime/transport/transport.h"

namespace cordata::runtime {

// Memory that grows and is kept, so that packing a tensor costs no page faults after the first step.
class Scratch {
 public:
  std::byte* get(int which, int64_t bytes) {
    auto& memory = memory_[which];
    if (static_cast<int64_t>(memory.size()) < bytes) memory.resize(bytes);
    return memory.data();
  }

 private:
  std::vector<std::byte> memory_[2];
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
