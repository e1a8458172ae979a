// SPDX-License-Identifier: Apache-2.0
#include "cordata/cluster/rings.h"

#include <algorithm>
#include <limits>

namespace cordata::cluster {
namespace {

constexpr int kMaxSteps = 200'000;  // 8 devices have 2,520 rings: the search for them takes 14,000 steps

// Positions in `devices` instead of device numbers. left[i][j]: links between i and j that no ring has taken.
struct Graph {
  int size;
  std::vector<std::vector<int>> left;
  std::vector<std::vector<double>> bandwidth;
};

Graph induced(const std::vector<Wire>& wires, const std::vector<int>& devices) {
  const int n = static_cast<int>(devices.size());
  Graph g{n, std::vector(n, std::vector<int>(n)), std::vector(n, std::vector<double>(n))};
  const auto place = [&](int d) {
    return static_cast<int>(std::find(devices.begin(), devices.end(), d) - devices.begin());
  };
  for (const Wire& w : wires) {
    const int a = place(w.a), b = place(w.b);
    if (a == n || b == n) continue;
    g.left[a][b] = g.left[b][a] = w.count;
    g.bandwidth[a][b] = g.bandwidth[b][a] = w.bandwidth.value;
  }
  return g;
}

// All rings from position 0 on, each once (of a ring and its mirror image, the one whose second device has
// the smaller number).
class Enumeration {
 public:
  explicit Enumeration(const Graph& g) : g_(g), used_(g.size) {
    path_.push_back(0);
    used_[0] = true;
    extend();
  }
  std::vector<std::vector<int>> rings;

 private:
  void extend() {
    if (++steps_ > kMaxSteps) return;
    const int last = path_.back();
    if (static_cast<int>(path_.size()) == g_.size) {
      if (g_.left[last][0] > 0 && path_[1] < last) rings.push_back(path_);
      return;
    }
    for (int next = 1; next < g_.size; ++next) {
      if (used_[next] || g_.left[last][next] == 0) continue;
      used_[next] = true;
      path_.push_back(next);
      extend();
      path_.pop_back();
      used_[next] = false;
    }
  }

  const Graph& g_;
  std::vector<char> used_;
  std::vector<int> path_;
  int steps_ = 0;
};

// Which rings to take, each as often as its links allow: branch and bound. No set of rings carries more in a
// direction than the links of any one device do.
class Packing {
 public:
  Packing(Graph& g, const std::vector<std::vector<int>>& rings) : g_(g), rings_(rings) { search(0, 0); }
  std::vector<int> best;
  double most = 0;

 private:
  double bound() const {
    double least = std::numeric_limits<double>::infinity();
    for (int i = 0; i < g_.size; ++i) {
      double sum = 0;
      for (int j = 0; j < g_.size; ++j) sum += g_.left[i][j] * g_.bandwidth[i][j];
      least = std::min(least, sum);
    }
    return least;
  }
  // Bandwidth of the ring's slowest link, 0 when one of them is taken.
  double free_bandwidth(const std::vector<int>& ring) const {
    double slowest = std::numeric_limits<double>::infinity();
    for (size_t i = 0; i < ring.size(); ++i) {
      const int a = ring[i], b = ring[(i + 1) % ring.size()];
      slowest = std::min(slowest, g_.left[a][b] > 0 ? g_.bandwidth[a][b] : 0.0);
    }
    return slowest;
  }
  void take(const std::vector<int>& ring, int links) {
    for (size_t i = 0; i < ring.size(); ++i) {
      const int a = ring[i], b = ring[(i + 1) % ring.size()];
      g_.left[a][b] -= links;
      g_.left[b][a] -= links;
    }
  }
  void search(size_t from, double carried) {
    if (carried > most) most = carried, best = chosen_;
    for (size_t r = from; r < rings_.size(); ++r) {
      if (++steps_ > kMaxSteps || carried + bound() <= most) return;
      const double slowest = free_bandwidth(rings_[r]);
      if (slowest == 0) continue;
      take(rings_[r], 1);
      chosen_.push_back(static_cast<int>(r));
      search(r, carried + 2 * slowest);
      chosen_.pop_back();
      take(rings_[r], -1);
    }
  }

  Graph& g_;
  const std::vector<std::vector<int>>& rings_;
  std::vector<int> chosen_;
  int steps_ = 0;
};

}  // namespace

Rings lay_rings(const std::vector<Wire>& wires, const std::vector<int>& devices) {
  if (devices.size() < 2) return {};
  Graph g = induced(wires, devices);
  if (devices.size() == 2) {
    if (g.left[0][1] == 0) return {};
    return {{devices}, base::BytesPerSecond(g.left[0][1] * g.bandwidth[0][1])};
  }
  const Enumeration all(g);
  const Packing packing(g, all.rings);
  Rings found{{}, base::BytesPerSecond(packing.most)};
  for (const int r : packing.best) {
    auto& order = found.orders.emplace_back();
    for (const int place : all.rings[r]) order.push_back(devices[place]);
  }
  return found;
}

}  // namespace cordata::cluster
