// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <span>
#include <vector>

#include "cordata/base/units.h"

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

// The middle one, the larger of the middle two; 0 of none.
double median(std::vector<double> values);

}  // namespace cordata::cluster
