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
// costs while rings of all groups along it run at once: cluster::ring_link.
sharding::Mesh make_mesh(const cluster::Cluster& cluster, int first, std::vector<int64_t> shape);

// At which devices first, ... read and write memory while all are at it: what packing for collectives goes
// at.
base::BytesPerSecond copy_rate(const cluster::Cluster& cluster, int first, int devices);
// At which they add up what they receive: two reads and a write of memory, where links don't hide them
// (cluster::Device::overlap); 0: they do.
base::BytesPerSecond sum_rate(const cluster::Cluster& cluster, int first, int devices);

// A mesh of that shape none of whose axes is slower than at any place in the cluster where a stage may lie:
// for bounds.
sharding::Mesh fastest_mesh(const cluster::Cluster& cluster, std::vector<int64_t> shape);

// What each of `devices` devices from device `boundary` on has when all receive from those before it at once,
// in transfers between stages.
cluster::Link boundary_link(const cluster::Cluster& cluster, int boundary, int devices = 1);

}  // namespace cordata::cost
