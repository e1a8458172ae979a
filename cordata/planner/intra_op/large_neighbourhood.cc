// SPDX-License-Identifier: Apache-2.0
#include "cordata/planner/intra_op/large_neighbourhood.h"

#include <algorithm>

namespace cordata::planner {
namespace {

constexpr size_t kKnown = 12;      // choices that are remembered
constexpr double kLeastSize = 10;  // nodes that are freed
constexpr double kGrow = 1.1, kShrink = 0.8;
constexpr CoreEffort kEffort = {
    .steps = 60, .rounds = 3, .rounding = 15, .mip_columns = 4000, .mip_iterations = 2'000, .programs = 1};

}  // namespace

LargeNeighbourhood::LargeNeighbourhood(const Core& core, uint64_t seed)
    : core_(core), near_(neighbours_of(core)), random_(seed), in_(core.nodes.size(), 0) {}

void LargeNeighbourhood::remember(const std::vector<int>& choice) {
  if (std::find(known_.begin(), known_.end(), choice) != known_.end()) return;
  if (known_.size() < kKnown)
    known_.push_back(choice);
  else
    known_[random_() % kKnown] = choice;
}

int LargeNeighbourhood::draw_by_excess() {
  const int count = static_cast<int>(core_.nodes.size());
  int best = static_cast<int>(random_() % count);
  if (excess_.empty()) return best;
  for (int k = 0; k < 5; ++k)  // the largest of a few
    if (const int n = static_cast<int>(random_() % count); excess_[n] > excess_[best]) best = n;
  return best;
}

// Adds neighbours of nodes of the set, in a random breadth-first order.
void LargeNeighbourhood::grow(std::vector<int>& nodes, size_t size) {
  for (size_t k = 0; k < nodes.size() && nodes.size() < size; ++k) {
    auto around = near_[nodes[k]];
    std::shuffle(around.begin(), around.end(), random_);
    const size_t most = 3 + random_() % 10;
    size_t taken = 0;
    for (const auto& [other, e] : around) {
      if (in_[other]) continue;
      in_[other] = 1;
      nodes.push_back(other);
      if (nodes.size() >= size || ++taken >= most) break;
    }
  }
}

std::vector<int> LargeNeighbourhood::draw(Kind kind, const std::vector<int>& choice) {
  std::vector<int> nodes;
  const auto size = static_cast<size_t>(size_[kind]);
  const auto take = [&](int n) {
    if (in_[n]) return;
    in_[n] = 1;
    nodes.push_back(n);
  };
  if (kind == kWindow && !core_.limit.empty()) {
    const auto room = room_of(core_, choice);
    int time = static_cast<int>(random_() % room.size());
    const auto part = [&](int t) {
      return static_cast<double>(room[t]) / static_cast<double>(core_.limit[t] + 1);
    };
    for (int k = 0; k < 30; ++k)  // a time with little room
      if (const int t = static_cast<int>(random_() % room.size()); part(t) < part(time)) time = t;
    std::vector<int> users;
    for (int n = 0; n < static_cast<int>(core_.nodes.size()); ++n)
      for (const auto& use : core_.nodes[n].uses)
        if (use.from <= time && time < use.to) users.push_back(n);
    std::shuffle(users.begin(), users.end(), random_);
    if (!excess_.empty() && random_() % 2)
      std::stable_sort(users.begin(), users.begin() + std::min(users.size(), 4 * size),
                       [&](int a, int b) { return excess_[a] > excess_[b]; });
    for (size_t k = 0; k < users.size() && nodes.size() < size / 2 + 1; ++k) take(users[k]);
  } else if (kind == kRelink && !known_.empty()) {
    const auto& other = known_[random_() % known_.size()];
    std::vector<int> differ;
    for (int n = 0; n < static_cast<int>(choice.size()); ++n)
      if (choice[n] != other[n]) differ.push_back(n);
    if (!differ.empty()) {
      const size_t from = random_() % differ.size();
      for (size_t k = 0; k < differ.size() && nodes.size() < size; ++k)
        take(differ[(from + k) % differ.size()]);
    }
  }
  if (nodes.empty()) {
    take(draw_by_excess());
    if (random_() % 2) take(draw_by_excess());
  }
  grow(nodes, size);
  for (const int n : nodes) in_[n] = 0;
  std::sort(nodes.begin(), nodes.end());
  return nodes;
}

bool LargeNeighbourhood::solve(const std::vector<int>& nodes, std::vector<int>& choice, int64_t& cost,
                               bool& settled, const std::function<bool()>& stop,
                               std::chrono::steady_clock::time_point deadline) {
  Core part;
  std::vector<int> place(core_.nodes.size(), -1);
  for (size_t k = 0; k < nodes.size(); ++k) place[nodes[k]] = static_cast<int>(k);
  part.limit = room_of(core_, choice);
  for (const int n : nodes) {
    auto& node = part.nodes.emplace_back(core_.nodes[n]);
    for (const auto& use : node.uses)
      for (int t = use.from; t < use.to; ++t) part.limit[t] += use.used[choice[n]];
    for (const auto& [other, e] : near_[n]) {
      if (place[other] >= 0) {
        if (core_.edges[e].u == n) part.edges.push_back({place[n], place[other], core_.edges[e].cost});
        continue;
      }
      for (size_t s = 0; s < node.cost.size(); ++s)
        node.cost[s] = capped(node.cost[s] + entry(core_, e, n, s, choice[other]));
    }
  }
  std::vector<int> now;
  for (const int n : nodes) now.push_back(choice[n]);
  const int64_t before = cost_of(part, now);
  int64_t best = before;
  CoreHooks hooks;
  hooks.stop = stop;
  hooks.deadline = [&] { return deadline; };
  hooks.below = [&] { return best; };
  hooks.found = [&](const std::vector<int>& found, int64_t found_cost) { best = found_cost, now = found; };
  settled = minimise_core(part, kEffort, hooks).settled;
  if (best >= before) return false;
  for (size_t k = 0; k < nodes.size(); ++k) choice[nodes[k]] = now[k];
  cost -= before - best;
  return true;
}

bool LargeNeighbourhood::improve(std::vector<int>& choice, int64_t& cost, const std::function<bool()>& stop,
                                 std::chrono::steady_clock::time_point deadline) {
  const auto kind = static_cast<Kind>(random_() % kKinds);
  const auto nodes = draw(kind, choice);
  bool settled = false;
  const bool better = solve(nodes, choice, cost, settled, stop, deadline);
  const auto most = static_cast<double>(core_.nodes.size());
  size_[kind] = std::clamp(size_[kind] * (settled ? kGrow : kShrink), std::min(kLeastSize, most), most);
  return better;
}

}  // namespace cordata::planner
