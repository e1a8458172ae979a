// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "cordata/cluster/cluster.h"

namespace cordata::report {

// A cluster drawn for people: racks and hosts as a tree, the links inside a host as a matrix, what rings over
// them have, and all figures with their sources.
std::string cluster_text(const cluster::Cluster& cluster);

// One row a cluster, of what a host of it has; docs/clusters.md shows the presets so.
std::string clusters_table(const std::vector<cluster::Cluster>& clusters);

}  // namespace cordata::report
