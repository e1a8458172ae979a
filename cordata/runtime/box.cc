// SPDX-License-Identifier: Apache-2.0
#include "cordata/runtime/box.h"

#include <cstring>

#include "cordata/base/error.h"

namespace cordata::runtime {
namespace {

void check_within(const ir::Type& type, const program::Box& box) {
  const size_t rank = type.shape.size();
  bool within = box.start.size() == rank && box.extent.size() == rank;
  for (size_t d = 0; within && d < rank; ++d) {
    within = box.start[d] >= 0 && box.extent[d] >= 0 && box.start[d] + box.extent[d] <= type.shape[d];
  }
  if (within) return;
  throw base::internal_error("[runtime.box] wanted a box within {}, got start [{}], extent [{}]",
                             ir::to_string(type), fmt::join(box.start, ", "), fmt::join(box.extent, ", "));
}

}  // namespace

BoxCopy::BoxCopy(const ir::Shape& from, const std::vector<int64_t>& from_start, const ir::Shape& to,
                 const std::vector<int64_t>& to_start, const std::vector<int64_t>& extent,
                 int64_t element_bytes)
    : run_bytes_(element_bytes), bytes_(element_bytes) {
  int64_t from_stride = element_bytes, to_stride = element_bytes;
  bool dense = true;  // whether all dims inside this one are whole on both sides
  for (int64_t d = static_cast<int64_t>(extent.size()) - 1; d >= 0; --d) {
    if (dense) {
      run_bytes_ *= extent[d];
    } else if (extent[d] != 1) {
      loops_.insert(loops_.begin(), {extent[d], from_stride, to_stride});
    }
    dense = dense && extent[d] == from[d] && extent[d] == to[d];
    bytes_ *= extent[d];
    from_offset_ += from_start[d] * from_stride;
    to_offset_ += to_start[d] * to_stride;
    from_stride *= from[d];
    to_stride *= to[d];
  }
}

void BoxCopy::run(const std::byte* from, std::byte* to) const {
  if (bytes_ > 0) run(0, from + from_offset_, to + to_offset_);
}

void BoxCopy::run(size_t loop, const std::byte* from, std::byte* to) const {
  if (loop == loops_.size()) {
    std::memcpy(to, from, run_bytes_);
    return;
  }
  const Loop& l = loops_[loop];
  for (int64_t i = 0; i < l.count; ++i) run(loop + 1, from + i * l.from_stride, to + i * l.to_stride);
}

BoxCopy pack(const ir::Type& type, const program::Box& box) {
  check_within(type, box);
  return {type.shape, box.start,
          box.extent, std::vector<int64_t>(box.extent.size()),
          box.extent, ir::bytes_per_element(type.dtype)};
}

BoxCopy unpack(const ir::Type& type, const program::Box& box) {
  check_within(type, box);
  return {box.extent, std::vector<int64_t>(box.extent.size()), type.shape, box.start,
          box.extent, ir::bytes_per_element(type.dtype)};
}

program::Box whole(const ir::Shape& shape) { return {std::vector<int64_t>(shape.size()), shape}; }

int64_t num_elements(const program::Box& box) {
  int64_t n = 1;
  for (int64_t e : box.extent) n *= e;
  return n;
}

}  // namespace cordata::runtime
