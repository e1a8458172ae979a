// SPDX-License-Identifier: Apache-2.0
#include "cordata/planner/inter_op/least_most.h"

#include <algorithm>
#include <limits>
#include <map>

namespace cordata::planner {
namespace {

constexpr double kNever = std::numeric_limits<double>::infinity();

// The best way to do layers from one on, on devices from one on, with so many stages.
struct Best {
  double most = kNever;
  StageKey stage;
};

class LeastMost {
 public:
  explicit LeastMost(const StageProblem& p)
      : p_(p),
        sizes_(submesh_sizes(p.devices, p.devices_per_host)),
        most_stages_(std::min({p.max_stages, p.layers, p.devices})) {}

  // By the numbers known now.
  std::optional<StageSolution> best();
  // Asks for what is not known of a cutting's stages, up to the first that is not below `at_most`; true when
  // all was known.
  bool settle(const StageSolution& cutting);

 private:
  double number(const StageKey& key) {
    const auto [it, fresh] = known_.try_emplace(key, 0.0);
    if (fresh) it->second = p_.bound ? p_.bound(key) : 0;
    return it->second;
  }
  Best& at(int left, int layer, int device) {
    return best_[(static_cast<size_t>(left) * (p_.layers + 1) + layer) * (p_.devices + 1) + device];
  }
  void extend(int left, int layer, int device);

  const StageProblem& p_;
  std::vector<int> sizes_;
  int most_stages_;
  std::map<StageKey, double> known_;
  std::map<StageKey, bool> exact_;
  std::vector<Best> best_;
};

void LeastMost::extend(int left, int layer, int device) {
  Best& mine = at(left, layer, device);
  const int in_flight = p_.all_in_flight ? p_.microbatches : std::min(left, p_.microbatches);
  for (const int size : sizes_) {
    if (device + size > p_.devices || !submesh_starts_at(device, size, p_.devices_per_host)) continue;
    for (int end = layer + 1; end <= p_.layers; ++end) {
      const double rest = at(left - 1, end, device + size).most;
      if (rest >= mine.most) continue;
      const StageKey key{layer, end, device, size, in_flight};
      const double most = std::max(rest, number(key));
      if (most < mine.most) mine = {most, key};
    }
  }
}

std::optional<StageSolution> LeastMost::best() {
  best_.assign(static_cast<size_t>(most_stages_ + 1) * (p_.layers + 1) * (p_.devices + 1), {});
  for (int device = 0; device <= p_.devices; ++device)
    if (device == p_.devices || p_.allow_idle) at(0, p_.layers, device).most = 0;
  int stages = 0;
  double least = p_.at_most;
  for (int left = 1; left <= most_stages_; ++left) {
    for (int layer = 0; layer < p_.layers; ++layer)
      for (int device = 0; device < p_.devices; ++device) extend(left, layer, device);
    if (left >= p_.min_stages && at(left, 0, 0).most < least) least = at(left, 0, 0).most, stages = left;
  }
  if (stages == 0) return std::nullopt;
  StageSolution out;
  out.seconds = least;
  for (int left = stages, layer = 0, device = 0; left > 0; --left) {
    out.stages.push_back(at(left, layer, device).stage);
    layer = out.stages.back().last_layer, device += out.stages.back().devices;
  }
  return out;
}

bool LeastMost::settle(const StageSolution& cutting) {
  bool all = true;
  for (const auto& key : cutting.stages) {
    if (exact_[key]) continue;
    all = false, exact_[key] = true;
    double& known = known_.at(key);
    known = std::max(known, p_.exact(key, p_.at_most));
    if (known >= p_.at_most) break;
  }
  return all;
}

}  // namespace

std::optional<StageSolution> cut_least_most(const StageProblem& problem) {
  LeastMost table(problem);
  auto solution = table.best();
  while (solution && !table.settle(*solution)) solution = table.best();
  return solution;
}

}  // namespace cordata::planner
