// SPDX-License-Identifier: Apache-2.0
#include "cordata/planner/intra_op/core_round.h"

#include <algorithm>
#include <cmath>

namespace cordata::planner {
namespace {

bool has(const std::vector<uint64_t>& bits, size_t i) { return bits[i / 64] >> (i % 64) & 1; }

}  // namespace

Rounder::Rounder(const Core& core) : core_(core), near_(neighbours_of(core)) {
  for (int end = 0; end < 2; ++end) support_[end].resize(core.edges.size());
  for (size_t e = 0; e < core.edges.size(); ++e) {
    const auto& edge = core.edges[e];
    if (std::none_of(edge.cost.begin(), edge.cost.end(), never)) continue;
    const size_t nu = core.nodes[edge.u].cost.size(), nv = core.nodes[edge.v].cost.size();
    support_[0][e] = {(nv + 63) / 64, Bits(nu * ((nv + 63) / 64), 0)};
    support_[1][e] = {(nu + 63) / 64, Bits(nv * ((nu + 63) / 64), 0)};
    for (size_t i = 0; i < nu; ++i)
      for (size_t j = 0; j < nv; ++j)
        if (!never(edge.cost[i * nv + j])) {
          support_[0][e].bits[i * support_[0][e].words + j / 64] |= uint64_t{1} << (j % 64);
          support_[1][e].bits[j * support_[1][e].words + i / 64] |= uint64_t{1} << (i % 64);
        }
  }
}

void Rounder::reset() {
  const size_t count = core_.nodes.size();
  domain_.assign(count, {}), left_.assign(count, 0), floor_.assign(count, {});
  for (size_t n = 0; n < count; ++n) {
    const auto& node = core_.nodes[n];
    domain_[n].assign((node.cost.size() + 63) / 64, 0);
    for (size_t s = 0; s < node.cost.size(); ++s)
      if (!never(node.cost[s])) domain_[n][s / 64] |= uint64_t{1} << (s % 64), ++left_[n];
    floor_[n].assign(node.uses.size(), 0);
  }
  room_ = core_.limit;
  trail_.clear(), floors_.clear();
}

bool Rounder::remove(int n, int s) {
  if (!has(domain_[n], s)) return true;
  domain_[n][s / 64] &= ~(uint64_t{1} << (s % 64));
  trail_.push_back({n, s});
  if (std::find(touched_.begin(), touched_.end(), n) == touched_.end()) touched_.push_back(n);
  return --left_[n] > 0;
}

bool Rounder::raise_floor(int n) {
  const auto& node = core_.nodes[n];
  bool holds = true;
  for (size_t k = 0; k < node.uses.size(); ++k) {
    const auto& use = node.uses[k];
    int64_t least = INT64_MAX;
    for (size_t s = 0; s < use.used.size() && least > floor_[n][k]; ++s)
      if (has(domain_[n], s)) least = std::min(least, use.used[s]);
    const int64_t more = least - floor_[n][k];
    if (more <= 0) continue;
    floors_.push_back({{n, static_cast<int>(k)}, floor_[n][k]});
    floor_[n][k] = least;
    for (int t = use.from; t < use.to; ++t) holds = (room_[t] -= more) >= 0 && holds;
  }
  return holds;
}

// What lost its last partner in n's domain goes.
bool Rounder::propagate(int n) {
  for (const auto& [other, e] : near_[n]) {
    const Support& support = support_[core_.edges[e].u == other ? 0 : 1][e];
    if (support.words == 0) continue;
    const size_t d = core_.nodes[other].cost.size();
    for (size_t s = 0; s < d; ++s) {
      if (!has(domain_[other], s)) continue;
      bool supported = false;
      for (size_t w = 0; w < support.words && !supported; ++w)
        supported = support.bits[s * support.words + w] & domain_[n][w];
      if (!supported && !remove(other, static_cast<int>(s))) return false;
    }
  }
  return true;
}

bool Rounder::assign(int n, int s) {
  touched_.clear();
  for (int other = 0; other < static_cast<int>(core_.nodes[n].cost.size()); ++other)
    if (other != s && !remove(n, other)) return false;
  if (touched_.empty()) touched_.push_back(n);
  while (!touched_.empty()) {
    const int m = touched_.back();
    touched_.pop_back();
    if (!raise_floor(m) || !propagate(m)) return false;
  }
  return true;
}

void Rounder::undo() {
  for (; !trail_.empty(); trail_.pop_back()) {
    const auto [n, s] = trail_.back();
    domain_[n][s / 64] |= uint64_t{1} << (s % 64);
    ++left_[n];
  }
  for (; !floors_.empty(); floors_.pop_back()) {
    const auto& [at, before] = floors_.back();
    const auto& use = core_.nodes[at.first].uses[at.second];
    const int64_t less = floor_[at.first][at.second] - before;
    for (int t = use.from; t < use.to; ++t) room_[t] += less;
    floor_[at.first][at.second] = before;
  }
}

std::optional<std::vector<int>> Rounder::round(const CoreDual& dual, bool forward, double caution) {
  reset();
  const int count = static_cast<int>(core_.nodes.size());
  std::vector<int> choice(count, -1), order;
  std::vector<float> cost;
  for (int k = 0; k < count; ++k) {
    const int n = forward ? k : count - 1 - k;
    const auto& node = core_.nodes[n];
    const size_t d = node.cost.size();
    cost = dual.priced(n);
    if (caution != 1)
      for (size_t s = 0; s < d; ++s)
        if (!never(node.cost[s])) {
          const auto own = static_cast<float>(node.cost[s]);
          cost[s] = own + (cost[s] - own) * static_cast<float>(caution);
        }
    for (const auto& [other, e] : near_[n]) {
      if (choice[other] < 0) {
        const float* sent = dual.message(e, core_.edges[e].u == n);
        for (size_t s = 0; s < d; ++s) cost[s] += sent[s];
      } else {
        for (size_t s = 0; s < d; ++s) {
          const int64_t c = entry(core_, e, n, s, choice[other]);
          cost[s] += never(c) ? CoreDual::kNeverSent : static_cast<float>(c);
        }
      }
    }
    order.clear();
    for (size_t s = 0; s < d; ++s)
      if (has(domain_[n], s)) order.push_back(static_cast<int>(s));
    while (!order.empty() && choice[n] < 0) {
      const auto best =
          std::min_element(order.begin(), order.end(), [&](int a, int b) { return cost[a] < cost[b]; });
      trail_.clear(), floors_.clear();
      if (assign(n, *best))
        choice[n] = *best;
      else
        undo();
      order.erase(best);
    }
    if (choice[n] < 0) return std::nullopt;
  }
  return choice;
}

}  // namespace cordata::planner
