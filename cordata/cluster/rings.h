// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <vector>

#include "cordata/cluster/cluster.h"

namespace cordata::cluster {

// Rings through all of `devices` that use no link twice, as collective libraries lay them, and what they
// carry together in each direction. Links go both ways at once, so a ring of three devices or more is used
// both ways round, at the bandwidth of its slowest link each; of two devices, all links between them count.
struct Rings {
  std::vector<std::vector<int>> orders;  // each from its first device on
  base::BytesPerSecond bandwidth{0};     // 0: no ring goes through all of them
};

// The best such set by search: exact for up to 8 devices, the best within a bounded number of steps beyond.
Rings lay_rings(const std::vector<Wire>& wires, const std::vector<int>& devices);

}  // namespace cordata::cluster
