// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <vector>

#include "cordata/cluster/cluster.h"

namespace cordata::cluster {

// Devices that run ring collectives among each other, group by group, all groups at once. Numbered as in the
// cluster, or, where it says so, within one host.
using Groups = std::vector<std::vector<int>>;

// What a hop of the slowest group's ring has. Groups that stay in a host have what its links give
// (host_ring_bandwidth). Those that leave hosts divide what leaves the host, and the rack, that most of them
// pass through, and are no faster than within it.
Link ring_link(const Cluster& cluster, const Groups& groups);

// The same within one host; device numbers are the host's, groups of one device need no link (infinite when
// there are only such). Uniform, switch: the pair's or the port's. Ring: docs/clusters.md. Links: the most
// rings that can be laid over them at once (rings.h); one over the bandwidth of unjoined pairs if there are
// none.
base::BytesPerSecond host_ring_bandwidth(const Cluster& cluster, const Groups& groups);

// What one message between two devices takes.
Link pair_link(const Cluster& cluster, int a, int b);

// What leaves a host, or a rack, divided by `flows` that leave it at once. A rack's is infinite without
// racks.
base::BytesPerSecond host_share(const Cluster& cluster, double flows = 1);
base::BytesPerSecond rack_share(const Cluster& cluster, double flows = 1);

}  // namespace cordata::cluster
