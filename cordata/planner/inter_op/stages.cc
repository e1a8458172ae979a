// SPDX-License-Identifier: Apache-2.0
#include "cordata/planner/inter_op/stages.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>

namespace cordata::planner {
namespace {

constexpr double kNever = std::numeric_limits<double>::infinity();

double cores_share(const StageProblem& p, int devices) {
  if (p.cores_shared_by <= 1) return 0;  // never the bottleneck then
  const double cores = p.devices / p.cores_shared_by;
  return std::min<double>(devices, cores) / cores;
}

double join(const StageProblem& p, double sum, double most, double cores) {
  return sum + (p.microbatches - 1) * std::max(most, cores);
}

// A way to do layers from one on, on devices from one on: its sum, max and cores, and how it goes on.
struct Label {
  double sum = 0, most = 0, cores = 0;
  StageKey stage;
  int next = -1;  // label of the state after the stage
};

class StageTable {
 public:
  explicit StageTable(const StageProblem& p) : p_(p), sizes_(submesh_sizes(p.devices, p.devices_per_host)) {}

  enum class Costs : uint8_t {
    kKnown,    // exact ones where they are known, else bounds
    kSettled,  // only of stages whose exact cost is known
    kProven,
  };
  // The best cutting under these costs, or nothing.
  std::optional<StageSolution> best(Costs costs);
  // Asks for exact costs of the stages of a cutting that would take less than `at_most`; true when all were
  // exact before.
  bool settle(const StageSolution& cutting, double at_most);
  int64_t evaluated() const { return static_cast<int64_t>(exact_.size()); }

 private:
  double cost(const StageKey& key, Costs costs);
  void extend(int left, int layer, int device, Costs costs);
  std::vector<Label>& at(int left, int layer, int device) {
    return labels_[(static_cast<size_t>(left) * (p_.layers + 1) + layer) * (p_.devices + 1) + device];
  }
  StageSolution read_back(int left, const Label& label);

  const StageProblem& p_;
  std::vector<int> sizes_;
  std::map<StageKey, double> bound_, exact_;
  std::vector<std::vector<Label>> labels_;
};

double StageTable::cost(const StageKey& key, Costs costs) {
  if (costs == Costs::kProven && p_.proven) return p_.proven(key);
  if (const auto it = exact_.find(key); it != exact_.end()) return it->second;
  if (costs == Costs::kSettled) return kNever;
  if (!p_.bound) return exact_[key] = p_.exact(key, kNever);
  const auto [it, fresh] = bound_.try_emplace(key, 0);
  if (fresh) it->second = p_.bound(key);
  return it->second;
}

// A stage that costs its bound and all the room there is makes a step of `at_most` or more: its c_i counts at
// least once. The dearest stage comes first: what it costs more than its bound is most likely to settle the
// matter.
bool StageTable::settle(const StageSolution& cutting, double at_most) {
  std::vector<double> costs;
  for (const auto& key : cutting.stages) costs.push_back(cost(key, Costs::kKnown));
  std::vector<size_t> open;
  for (size_t i = 0; i < costs.size(); ++i)
    if (!exact_.contains(cutting.stages[i])) open.push_back(i);
  if (open.empty()) return true;
  std::stable_sort(open.begin(), open.end(), [&](size_t a, size_t b) { return costs[a] > costs[b]; });
  for (const size_t i : open) {
    const auto& key = cutting.stages[i];
    double& bound = bound_.at(key);
    const double room = at_most - step_seconds(p_, cutting.stages, costs);
    if (room <= 0 && i != open.front()) break;
    const double below = room > 1e-9 * at_most ? bound + room : kNever;  // infinite room: infinite too
    const double found = p_.exact(key, below);
    if (found < below || found == kNever)
      exact_[key] = found;
    else
      bound = std::max(bound, found);
    costs[i] = std::max(bound, found);
  }
  return false;
}

void keep_unbeaten(std::vector<Label>& labels, const Label& fresh) {
  const auto beats = [](const Label& a, const Label& b) {
    return a.sum <= b.sum && a.most <= b.most && a.cores <= b.cores;
  };
  for (const auto& l : labels)
    if (beats(l, fresh)) return;
  std::erase_if(labels, [&](const Label& l) { return beats(fresh, l); });
  labels.push_back(fresh);
}

// Fills the labels of (left, layer, device) from those with one stage less.
void StageTable::extend(int left, int layer, int device, Costs costs) {
  auto& mine = at(left, layer, device);
  const int in_flight = p_.all_in_flight ? p_.microbatches : std::min(left, p_.microbatches);
  for (const int size : sizes_) {
    if (device + size > p_.devices) continue;
    if (!submesh_starts_at(device, size, p_.devices_per_host)) continue;
    for (int end = layer + 1; end <= p_.layers; ++end) {
      const auto& rest = at(left - 1, end, device + size);
      if (rest.empty()) continue;
      const StageKey key{layer, end, device, size, in_flight};
      const double c = cost(key, costs);
      if (c == kNever) continue;
      for (int i = 0; i < static_cast<int>(rest.size()); ++i)
        keep_unbeaten(mine, {rest[i].sum + c, std::max(rest[i].most, c),
                             rest[i].cores + c * cores_share(p_, size), key, i});
    }
  }
}

StageSolution StageTable::read_back(int left, const Label& label) {
  StageSolution out;
  out.seconds = join(p_, label.sum, label.most, label.cores);
  for (const Label* l = &label;; --left) {
    out.stages.push_back(l->stage);
    if (left == 1) break;
    l = &at(left - 1, l->stage.last_layer, l->stage.first_device + l->stage.devices)[l->next];
  }
  return out;
}

std::optional<StageSolution> StageTable::best(Costs costs) {
  const int most_stages = std::min({p_.max_stages, p_.layers, p_.devices});
  labels_.assign(static_cast<size_t>(most_stages + 1) * (p_.layers + 1) * (p_.devices + 1), {});
  for (int device = 0; device <= p_.devices; ++device)
    if (device == p_.devices || p_.allow_idle) at(0, p_.layers, device).push_back({});
  std::optional<StageSolution> best;
  for (int left = 1; left <= most_stages; ++left) {
    for (int layer = 0; layer < p_.layers; ++layer)
      for (int device = 0; device < p_.devices; ++device) extend(left, layer, device, costs);
    if (left < p_.min_stages) continue;
    for (const auto& label : at(left, 0, 0))
      if (!best || join(p_, label.sum, label.most, label.cores) < best->seconds)
        best = read_back(left, label);
  }
  return best;
}

}  // namespace

std::vector<int> submesh_sizes(int devices, int devices_per_host) {
  std::vector<int> out;
  for (int n = 1; n <= std::min(devices, devices_per_host); ++n)
    if (devices_per_host <= 6 || (n & (n - 1)) == 0 || devices_per_host % n == 0) out.push_back(n);
  for (int n = 2 * devices_per_host; n <= devices; n += devices_per_host) out.push_back(n);
  return out;
}

bool submesh_starts_at(int first_device, int devices, int devices_per_host) {
  const int within = first_device % devices_per_host;
  return devices <= devices_per_host ? within + devices <= devices_per_host : within == 0;
}

double step_seconds(const StageProblem& p, const std::vector<StageKey>& stages,
                    const std::vector<double>& cost) {
  double sum = 0, most = 0, cores = 0;
  for (size_t i = 0; i < stages.size(); ++i) {
    sum += cost[i];
    most = std::max(most, cost[i]);
    cores += cost[i] * cores_share(p, stages[i].devices);
  }
  return join(p, sum, most, cores);
}

std::optional<StageSolution> cut_stages(const StageProblem& problem, double* least) {
  using Costs = StageTable::Costs;
  StageTable table(problem);
  const auto prove = [&] {
    if (!least) return;
    const auto proven = table.best(Costs::kProven);
    *least = proven ? proven->seconds : kNever;
  };
  double at_most = problem.at_most;
  for (int round = 1;; ++round) {
    auto solution = table.best(Costs::kKnown);
    if (!solution || solution->seconds >= problem.at_most) return prove(), std::nullopt;
    if (problem.bound && !table.settle(*solution, at_most)) {
      if (const auto whole = table.best(Costs::kSettled))
        at_most = std::min(at_most, std::nextafter(whole->seconds, kNever));
      continue;
    }
    solution->rounds = round;
    solution->evaluated = table.evaluated();
    prove();
    return solution;
  }
}

}  // namespace cordata::planner
