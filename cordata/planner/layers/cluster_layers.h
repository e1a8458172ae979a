// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <vector>

namespace cordata::planner {

// Forward ops in order, cut into `layers` runs of about equal FLOPs where few bytes cross (Alpa, sec. 5.2;
// arXiv 2201.12023). flops[k]: of op k. cut_bytes[k]: bytes of values made before op k and read from op k on
// (k = 1 ... ops - 1; [0] unused). Among the cuttings whose layers all have at most (1 + slack) of the mean
// FLOPs, the least sum of cut bytes; among those the least sum of squared FLOPs; among those the earliest
// cuts. Where an op alone is larger than the bound, the bound is doubled until a cutting exists. Returns the
// layer of every op. Time O(layers * ops^2) at worst.
std::vector<int> cluster_layers(const std::vector<double>& flops, const std::vector<double>& cut_bytes,
                                int layers, double slack = 0.5);

}  // namespace cordata::planner
