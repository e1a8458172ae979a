// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "cordata/ir/type.h"
#include "cordata/program/program.h"

namespace cordata::runtime {

// A box of one dense row-major tensor copied into a box of the same extent of another: resolved once into
// runs of contiguous bytes, so that a step only moves them.
class BoxCopy {
 public:
  BoxCopy() = default;
  BoxCopy(const ir::Shape& from, const std::vector<int64_t>& from_start, const ir::Shape& to,
          const std::vector<int64_t>& to_start, const std::vector<int64_t>& extent, int64_t element_bytes);

  void run(const std::byte* from, std::byte* to) const;

  bool one_run() const {
    return loops_.empty();
  }  // then it is bytes() bytes from from_offset() to to_offset()
  int64_t bytes() const { return bytes_; }
  int64_t from_offset() const { return from_offset_; }
  int64_t to_offset() const { return to_offset_; }

 private:
  struct Loop {
    int64_t count, from_stride, to_stride;
  };
  void run(size_t loop, const std::byte* from, std::byte* to) const;

  std::vector<Loop> loops_;  // outermost first
  int64_t run_bytes_ = 0, bytes_ = 0, from_offset_ = 0, to_offset_ = 0;
};

// `box` of a tensor of `type` packed densely, and back. Throw an internal error when the box isn't within the
// tensor.
BoxCopy pack(const ir::Type& type, const program::Box& box);
BoxCopy unpack(const ir::Type& type, const program::Box& box);

program::Box whole(const ir::Shape& shape);
int64_t num_elements(const program::Box& box);

}  // namespace cordata::runtime
