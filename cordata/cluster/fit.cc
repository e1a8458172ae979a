// SPDX-License-Identifier: Apache-2.0
#include "cordata/cluster/fit.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>
#include <numeric>

#include "cordata/base/error.h"

namespace cordata::cluster {
namespace {

// The normal equations of sum (x a + y b - 1)^2, where x and y are messages and bytes by seconds.
struct Sums {
  double xx = 0, xy = 0, yy = 0, x = 0, y = 0;
  explicit Sums(std::span<const Sample> samples) {
    for (const Sample& s : samples) {
      const double m = s.messages / s.seconds.value, n = s.bytes.value / s.seconds.value;
      xx += m * m, xy += m * n, yy += n * n, x += m, y += n;
    }
  }
};

}  // namespace

LinkFit fit_link(std::span<const Sample> samples) {
  const Sums s(samples);
  const double determinant = s.xx * s.yy - s.xy * s.xy;
  if (samples.size() < 2 || !(determinant > 1e-9 * s.xx * s.yy))
    throw base::internal_error("[cluster.fit] wanted two samples or more of different sizes, got {}",
                               samples.size());
  double alpha = (s.x * s.yy - s.y * s.xy) / determinant, per_byte = (s.y * s.xx - s.x * s.xy) / determinant;
  if (alpha < 0) alpha = 0, per_byte = s.y / s.yy;
  if (per_byte <= 0) alpha = s.x / s.xx, per_byte = 0;
  LinkFit fit{base::Seconds(alpha), base::BytesPerSecond(1 / per_byte)};
  fit.residual = relative_error(samples, fit.alpha, fit.bandwidth);
  return fit;
}

double relative_error(std::span<const Sample> samples, base::Seconds alpha, base::BytesPerSecond bandwidth) {
  double sum = 0;
  for (const Sample& s : samples) {
    const double error = (s.messages * alpha + s.bytes / bandwidth) / s.seconds - 1;
    sum += error * error;
  }
  return samples.empty() ? 0 : std::sqrt(sum / static_cast<double>(samples.size()));
}

namespace {

constexpr double kAlike = 0.85;  // of the faster one's speed

// The value below which that share of them lies.
double quantile(std::vector<double> values, double share) {
  std::ranges::sort(values);
  return values.at(static_cast<size_t>(share * static_cast<double>(values.size() - 1) + 0.5));
}

}  // namespace

std::vector<double> relative_speeds(const std::vector<std::vector<double>>& rates) {
  std::vector<int> order(rates.size());
  std::iota(order.begin(), order.end(), 0);
  std::ranges::stable_sort(order, std::greater<>(), [&](int r) { return quantile(rates[r], 0.5); });
  std::vector<double> speeds(rates.size(), 1);
  double fastest = 0;
  for (size_t from = 0, to = 0; from < order.size(); from = to) {
    const auto& leader = rates[order[from]];
    double sum = 0;
    const auto is_like = [&](const std::vector<double>& other) {
      return quantile(other, 0.5) >= kAlike * quantile(leader, 0.5) ||
             quantile(other, 0.9) >= quantile(leader, 0.1);
    };
    while (to < order.size() && is_like(rates[order[to]])) sum += quantile(rates[order[to++]], 0.5);
    const double mean = sum / static_cast<double>(to - from);
    if (from == 0) fastest = mean;
    for (size_t i = from; i < to; ++i) speeds[order[i]] = from == 0 ? 1 : mean / fastest;
  }
  return speeds;
}

std::vector<DeviceGroup> speed_groups(const std::vector<double>& speeds, const Device& device) {
  std::vector<DeviceGroup> groups;
  for (size_t r = 0; r < speeds.size(); ++r) {
    if (speeds[r] == 1) continue;
    if (r > 0 && speeds[r] == speeds[r - 1]) {
      ++groups.back().count;
      continue;
    }
    groups.push_back({static_cast<int>(r), 1, device});
    groups.back().device.speed = device.speed * speeds[r];
  }
  return groups;
}

double median(std::vector<double> values) {
  if (values.empty()) return 0;
  const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
  std::nth_element(values.begin(), middle, values.end());
  return *middle;
}

}  // namespace cordata::cluster
