// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cstddef>
#include <vector>

#include "cordata/cluster/topology.h"

namespace cordata::simulate {

// The ways messages take. A message holds its sender's way out and its receiver's way in for its bytes over
// the bandwidth, and arrives alpha later. Within a host each rank has its own ways; between hosts, ranks of
// one host share its NICs, each message the first free one; between racks, hosts share their rack's way, too.
class Links {
 public:
  Links(const cluster::Cluster& cluster, bool free)
      : c_(cluster),
        free_(free),
        ranks_(cluster.num_devices()),
        nics_(static_cast<size_t>(cluster.hosts) * cluster.nics),
        racks_(cluster.rack_of(cluster.num_devices() - 1) + 1) {}

  // When a message that could leave at `ready` has arrived.
  double arrival(int from, int to, int64_t bytes, double ready) {
    if (free_) return ready;
    const int a = c_.host_of(from), b = c_.host_of(to);
    const cluster::Link link = cluster::pair_link(c_, from, to);
    double& out = a == b ? ranks_[from].out : first_free(a, &Ways::out);
    double& in = a == b ? ranks_[to].in : first_free(b, &Ways::in);
    double begin = std::max({ready, out, in});
    if (c_.rack_of(from) != c_.rack_of(to))
      begin = leave_rack(c_.rack_of(from), c_.rack_of(to), static_cast<double>(bytes), begin);
    out = in = begin + static_cast<double>(bytes) / link.bandwidth.value;
    return out + link.alpha.value;
  }

 private:
  struct Ways {
    double out = 0, in = 0;  // busy until then
  };

  double& first_free(int host, double Ways::*way) {
    const auto begin = nics_.begin() + static_cast<std::ptrdiff_t>(host) * c_.nics;
    const auto sooner = [&](const Ways& x, const Ways& y) { return x.*way < y.*way; };
    return (*std::min_element(begin, begin + c_.nics, sooner)).*way;
  }

  // When the message can begin; its racks' ways are taken for as long as its bytes need of them.
  double leave_rack(int from, int to, double bytes, double ready) {
    const double begin = std::max({ready, racks_[from].out, racks_[to].in});
    racks_[from].out = racks_[to].in = begin + bytes / cluster::rack_share(c_).value;
    return begin;
  }

  const cluster::Cluster& c_;
  const bool free_;
  std::vector<Ways> ranks_, nics_, racks_;
};

}  // namespace cordata::simulate
