// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <vector>

#include "cordata/base/units.h"
#include "cordata/cluster/cluster.h"
#include "cordata/program/collective_calls.h"
#include "cordata/program/program.h"

namespace cordata::simulate {

// What a module costs one rank: computing and collectives in turns, as its one chain of collectives has it.
struct ModuleCost {
  std::vector<base::Seconds>
      compute;  // one more than there are collectives; of a rank with a core (device) to itself
  std::vector<program::CollectiveCall> collectives;  // the k-th comes after compute[k]
  base::Flops flops{0};
  base::Bytes transient{
      0};  // at its fullest: values that pass between its ops, and results that take over no argument
  int64_t packed = 0, received = 0;  // bytes: the most of its collectives (program::CollectiveCall)
};

// By cost::op_times of its graph on that device, and by the liveness of its values. Throws what
// ir::read_module throws.
ModuleCost module_cost(const program::ModuleText& module, const cluster::Device& device);

// The seconds of one collective among the ranks that `rank` meets there: a ring (docs/collectives.md) over
// the cluster's links. Of a group that spans hosts with several ranks on each, the better of one ring and one
// ring in another. All groups of a communicator talk at once, so those that leave a host share its way out.
base::Seconds collective_time(const program::CollectiveCall& call, const program::Program& program, int rank,
                              const cluster::Cluster& cluster);

// The ranks that `rank` meets in communicator `comm` (-1: its stage's).
std::vector<int> group_of(const program::Program& program, int comm, int rank);

}  // namespace cordata::simulate
