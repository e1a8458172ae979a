// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <vector>

#include "cordata/cluster/cluster.h"

namespace cordata::simulate {

// The ways messages take. A message holds its sender's way out and its receiver's way in for its bytes over
// the bandwidth, and arrives alpha later. Within a host each rank has its own ways; between hosts, ranks of
// one host share its.
class Links {
 public:
  Links(const cluster::Cluster& cluster, bool free)
      : c_(cluster), free_(free), ranks_(cluster.num_devices()), hosts_(cluster.hosts) {}

  // When a message that could leave at `ready` has arrived.
  double arrival(int from, int to, int64_t bytes, double ready) {
    if (free_) return ready;
    const int a = from / c_.devices_per_host, b = to / c_.devices_per_host;
    const cluster::Link& link = a == b ? c_.intra : c_.inter;
    double& out = a == b ? ranks_[from].out : hosts_[a].out;
    double& in = a == b ? ranks_[to].in : hosts_[b].in;
    const double begin = std::max({ready, out, in});
    out = in = begin + static_cast<double>(bytes) / link.bandwidth.value;
    return out + link.alpha.value;
  }

 private:
  struct Ways {
    double out = 0, in = 0;  // busy until then
  };
  const cluster::Cluster& c_;
  const bool free_;
  std::vector<Ways> ranks_, hosts_;
};

}  // namespace cordata::simulate
