// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "cordata/cluster/cluster.h"

namespace cordata::report {

// A cluster drawn for people: racks and hosts as a tree, the links inside a host as a matrix, what rings over
// them have, and all figures with their sources.
std::string cluster_text(const cluster::Cluster& cluster);

}  // namespace cordata::report
