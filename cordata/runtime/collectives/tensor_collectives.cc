// SPDX-License-Identifier: Apache-2.0
#include "cordata/runtime/collectives/tensor_collectives.h"

#include <cstring>

#include "cordata/base/error.h"
#include "cordata/runtime/pjrt/element.h"

namespace cordata::runtime {
namespace {

int64_t product(std::span<const int64_t> dims) {
  int64_t n = 1;
  for (int64_t d : dims) n *= d;
  return n;
}

// A tensor cut into `blocks` along a dim: [outer][block][inner bytes].
struct Cut {
  int64_t outer, blocks, inner;
  int64_t bytes() const { return outer * inner; }  // of one block
};

Cut cut(const TensorView& whole, int64_t dim, int64_t blocks) {
  if (dim < 0 || dim >= static_cast<int64_t>(whole.dims.size()) || whole.dims[dim] % blocks != 0) {
    throw base::internal_error("[runtime.collectives] wanted dim {} to exist and be a multiple of {} ranks",
                               dim, blocks);
  }
  const int64_t after = product(whole.dims.subspan(dim)) / blocks;
  return {product(whole.dims.first(dim)), blocks, after * element_bytes(whole.type)};
}

// [outer][block][inner] -> [block][outer][inner]
void pack(const std::byte* from, std::byte* to, const Cut& c) {
  for (int64_t b = 0; b < c.blocks; ++b) {
    for (int64_t o = 0; o < c.outer; ++o, to += c.inner)
      std::memcpy(to, from + (o * c.blocks + b) * c.inner, c.inner);
  }
}

// [block][outer][inner] -> [outer][block][inner]
void unpack(const std::byte* from, std::byte* to, const Cut& c) {
  for (int64_t b = 0; b < c.blocks; ++b) {
    for (int64_t o = 0; o < c.outer; ++o, from += c.inner)
      std::memcpy(to + (o * c.blocks + b) * c.inner, from, c.inner);
  }
}

void expect_elements(int64_t got, int64_t wanted) {
  if (got != wanted)
    throw base::internal_error("[runtime.collectives] wanted {} elements, got {}", wanted, got);
}

}  // namespace

void all_gather(Communicator& comm, const TensorView& in, const TensorView& out, int64_t dim,
                Scratch& scratch) {
  const Cut c = cut(out, dim, comm.size());
  expect_elements(product(out.dims), product(in.dims) * comm.size());
  if (c.outer == 1) return comm.all_gather(in.data, out.data, c.bytes());
  std::byte* packed = scratch.get(0, c.bytes() * c.blocks);
  comm.all_gather(in.data, packed, c.bytes());
  unpack(packed, static_cast<std::byte*>(out.data), c);
}

void reduce_scatter(Communicator& comm, const TensorView& in, const TensorView& out, int64_t dim,
                    Reduce reduce, Scratch& scratch) {
  const Cut c = cut(in, dim, comm.size());
  expect_elements(product(in.dims), product(out.dims) * comm.size());
  const void* source = in.data;
  if (c.outer != 1) {
    std::byte* packed = scratch.get(0, c.bytes() * c.blocks);
    pack(static_cast<const std::byte*>(in.data), packed, c);
    source = packed;
  }
  comm.reduce_scatter(source, out.data, product(out.dims), in.type, reduce);
}

void all_to_all(Communicator& comm, const TensorView& in, const TensorView& out, int64_t split_dim,
                int64_t concat_dim, Scratch& scratch) {
  const Cut split = cut(in, split_dim, comm.size()), concat = cut(out, concat_dim, comm.size());
  expect_elements(product(in.dims), product(out.dims));
  const void* source = in.data;
  if (split.outer != 1) {
    std::byte* packed = scratch.get(0, split.bytes() * split.blocks);
    pack(static_cast<const std::byte*>(in.data), packed, split);
    source = packed;
  }
  if (concat.outer == 1) return comm.all_to_all(source, out.data, split.bytes());
  std::byte* received = scratch.get(1, concat.bytes() * concat.blocks);
  comm.all_to_all(source, received, split.bytes());
  unpack(received, static_cast<std::byte*>(out.data), concat);
}

}  // namespace cordata::runtime
