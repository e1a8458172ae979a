// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <optional>
#include <vector>

#include "cordata/cluster/cluster.h"
#include "cordata/cost/op_profile.h"
#include "cordata/ir/graph.h"

namespace cordata::cost {

// What a profile says of an op: its times by size, each `pace` times as long here. Profiles are never freed.
struct Measured {
  const MeasuredTimes* times = nullptr;
  double pace = 1;
  double least = 0;  // device-seconds that no way to shard the op takes less than, `pace` in it

  // Of the op, or a shard of it, with those sizes; nothing: that one wasn't measured.
  std::optional<double> of(const OpSizes& sizes) const {
    if (!times) return {};
    const auto at = times->find(sizes);
    return at == times->end() ? std::optional<double>() : at->second * pace;
  }
};

// What one op takes on one device, whole: as measured, where the device has a profile with the op; else the
// roofline of FLOPs / (peak * efficiency) and bytes / bandwidth, and the time to start it. Bytes are those
// that kernels read and write (fusion.h); a kernel is started once. The peak is that of the op's first
// operand's type; of a type the device doesn't list, f32's. What only orders others is free: its results are
// its operands.
struct OpTime {
  double seconds = 0, launch = 0;
  double compute = 0;  // of the seconds: what FLOPs alone take
  double serial = 0;   // 1 - Device::overlap
  bool fused = false;  // the result is never written
  // What moving each operand and each result takes, whole; 0: not moved, as it is fused or constant. Together
  // no more than `seconds`. A shard of the op moves all of what isn't cut.
  std::vector<double> read, written;
  Measured measured;  // `seconds` is its, and `launch` 0, where it has the whole op

  double least() const { return measured.times ? measured.least : seconds; }  // as Measured::least
};
// The longer of computing and moving, and of the shorter one the part that it doesn't hide.
inline double roofline(double compute, double moved, double serial) {
  return std::max(compute, moved) + serial * std::min(compute, moved);
}
// By position in graph.ops(). `modules`: by op, the module that it runs in: ops of two modules never fuse,
// and a sum over microbatches is read and written. Empty: all are in one, and there is one microbatch, which
// is its own sum.
std::vector<OpTime> op_times(const ir::Graph& graph, const cluster::Device& device,
                             const std::vector<int>& modules = {});
// Of ops that devices of these kinds (Cluster::kinds_in) share: the slowest counts, since all wait for it.
std::vector<OpTime> op_times(const ir::Graph& graph, const cluster::Cluster& cluster,
                             const std::vector<int>& kinds, const std::vector<int>& modules = {});

// How much longer an op takes while `devices` are at work together: where devices share cores, in proportion.
double slowdown(const cluster::Cluster& cluster, int devices);

}  // namespace cordata::cost
