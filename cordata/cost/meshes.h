// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <vector>

#include "cordata/cluster/cluster.h"
#include "cordata/sharding/mesh.h"

namespace cordata::cost {

// The logical views n x m of a run of devices, one-dimensional ones as {n}: {} for one device, {4} and {2, 2}
// for four, {8}, {4, 2}, {2, 4} for eight.
std::vector<std::vector<int64_t>> logical_views(int devices);

// The mesh of that shape over devices first, first + 1, ... of a cluster, with what a hop along each axis
// costs. An axis whose groups leave a host has the inter-host latency, and its share of the bandwidth out of
// a host: rings of all groups along the axis run at once, and those that pass through one host divide what
// leaves it.
sharding::Mesh make_mesh(const cluster::Cluster& cluster, int first, std::vector<int64_t> shape);

// The link between device `boundary - 1` and `boundary`, used by transfers between stages.
const cluster::Link& boundary_link(const cluster::Cluster& cluster, int boundary);

}  // namespace cordata::cost
