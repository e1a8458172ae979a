// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "cordata/base/units.h"

namespace cordata::sharding {

constexpr int kMaxAxes = 4;

// What one hop along a mesh axis costs: a message of n bytes takes alpha + n / bandwidth. Of all groups along
// the axis talking at once (they may share a NIC).
struct AxisLink {
  base::Seconds alpha{0};
  base::BytesPerSecond bandwidth{1e9};
  bool operator==(const AxisLink&) const = default;
};

// An n-dimensional logical array of ranks, row-major (the last axis is the fastest). Axes are named by index.
struct Mesh {
  std::vector<int64_t> shape;  // sizes of the axes; {} is one device
  std::vector<AxisLink>
      links;  // one per axis: the reshard paths' measure, so that plan and program choose the same
  base::BytesPerSecond memory{0};  // what packing for collectives reads and writes goes at; 0: it is free
  base::BytesPerSecond sums{0};    // what received blocks are added up at; 0: messages hide it

  int num_axes() const { return static_cast<int>(shape.size()); }
  int64_t size() const;
  int64_t coordinate(int64_t index, int axis) const;  // of the index-th device of the mesh
  // The device groups along a set of axes (bit set), each in row-major order; together they hold every device
  // once.
  std::vector<std::vector<int>> groups(uint32_t axes) const;
  bool operator==(const Mesh&) const = default;
};

std::string to_string(const Mesh& mesh);  // "2x4"

}  // namespace cordata::sharding
