// SPDX-License-Identifier: Apache-2.0
#include "cordata/planner/layers/cluster_layers.h"

#include <algorithm>
#include <limits>
#include <utility>

#include "cordata/base/error.h"

namespace cordata::planner {
namespace {

using Score = std::pair<double, double>;  // cut bytes, squared FLOPs
constexpr Score kNoCutting{std::numeric_limits<double>::infinity(), 0};

// best[q][r]: the first r ops in q layers; from[q][r]: where the last of them begins.
std::vector<int> cut(const std::vector<double>& prefix, const std::vector<double>& cut_bytes, int layers,
                     double bound) {
  const int n = static_cast<int>(prefix.size()) - 1;
  std::vector best(layers + 1, std::vector<Score>(n + 1, kNoCutting));
  std::vector from(layers + 1, std::vector<int>(n + 1, -1));
  best[0][0] = {0, 0};
  for (int q = 1; q <= layers; ++q) {
    for (int r = q; r <= n; ++r) {
      for (int k = r - 1; k >= q - 1; --k) {
        const double work = prefix[r] - prefix[k];
        if (work > bound) break;  // larger runs are larger still
        const Score& before = best[q - 1][k];
        if (before == kNoCutting) continue;
        const Score score{before.first + (k > 0 ? cut_bytes[k] : 0), before.second + work * work};
        if (score > best[q][r]) continue;
        if (score == best[q][r] && from[q][r] <= k) continue;
        best[q][r] = score;
        from[q][r] = k;
      }
    }
  }
  if (best[layers][n] == kNoCutting) return {};
  std::vector<int> layer(n);
  for (int q = layers, r = n; q > 0; r = from[q][r], --q)
    std::fill(layer.begin() + from[q][r], layer.begin() + r, q - 1);
  return layer;
}

}  // namespace

std::vector<int> cluster_layers(const std::vector<double>& flops, const std::vector<double>& cut_bytes,
                                int layers, double slack) {
  const int n = static_cast<int>(flops.size());
  if (n == 0) return {};
  if (static_cast<int>(cut_bytes.size()) != n)
    throw base::internal_error("[planner.layers] wanted {} cuts, got {}", n, cut_bytes.size());
  if (layers < 1) throw base::user_error("[planner.layers] wanted 1 layer or more, got {}", layers);
  layers = std::min(layers, n);
  std::vector<double> prefix(n + 1, 0);
  for (int k = 0; k < n; ++k) prefix[k + 1] = prefix[k] + flops[k];
  for (double bound = (1 + slack) * prefix[n] / layers;; bound = std::max(2 * bound, 1.0)) {
    auto layer = cut(prefix, cut_bytes, layers, bound * (1 + 1e-12));
    if (!layer.empty()) return layer;
  }
}

}  // namespace cordata::planner
