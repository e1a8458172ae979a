// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <span>
#include <vector>

#include "cordata/base/units.h"
#include "cordata/cluster/cluster.h"

namespace cordata::cluster {

// One measurement of something that the model says takes messages * alpha + bytes / bandwidth: a message, or
// the hops of a ring collective.
struct Sample {
  double messages = 1;
  base::Bytes bytes{0};
  base::Seconds seconds{0};
};

struct LinkFit {
  base::Seconds alpha{0};
  base::BytesPerSecond bandwidth{0};
  double residual = 0;  // root mean square of the samples' relative errors
};

// Least squares of relative errors, so that small and large messages count alike; neither figure below zero.
// Throws an internal error for fewer than two samples or such that one unknown can't be told from the other.
LinkFit fit_link(std::span<const Sample> samples);

// Root mean square of (predicted / measured - 1), the prediction by that link.
double relative_error(std::span<const Sample> samples, base::Seconds alpha, base::BytesPerSecond bandwidth);

// By rank, how fast it is beside the fastest, from rates of several ones at work together: `rates[r]` are
// rank r's at several times. Ranks that differ by less than 15 %, or no more than the rates of one differ
// from time to time (they overlap but for the most extreme tenths), are alike and have the mean of theirs.
// All 1 where all are alike.
std::vector<double> relative_speeds(const std::vector<std::vector<double>>& rates);

// Those with a speed other than 1 as groups: as the cluster's device, but at that speed.
std::vector<DeviceGroup> speed_groups(const std::vector<double>& speeds, const Device& device);

// The middle one, the larger of the middle two; 0 of none.
double median(std::vector<double> values);

}  // namespace cordata::cluster
