// SPDX-License-Identifier: Apache-2.0
#include "cordata/planner/intra_op/exact_dual.h"

#include <algorithm>
#include <cmath>

namespace cordata::planner {
namespace {

constexpr int64_t kMoved = int64_t{1} << 58;

double largest(const std::vector<int64_t>& costs) {
  double m = 0;
  for (const int64_t c : costs)
    if (!never(c)) m = std::max(m, std::abs(static_cast<double>(c)));
  return m;
}

}  // namespace

ExactDual::ExactDual(const Core& core, const CoreDual& dual) : core_(core), near_(core.nodes.size()) {
  double total = std::abs(static_cast<double>(core.constant)) + 1;
  for (const auto& n : core.nodes) total += largest(n.cost);
  for (const auto& e : core.edges) total += largest(e.cost);
  const auto& prices = dual.prices();
  std::vector<double> sum(prices.size() + 1, 0);
  for (size_t t = 0; t < prices.size(); ++t) sum[t + 1] = sum[t] + prices[t];
  for (const auto& n : core.nodes)
    for (const auto& use : n.uses) total += (sum[use.to] - sum[use.from]) * largest(use.used);
  while (shift_ < 24 && std::ldexp(total, shift_ + 1) < 0x1p57) ++shift_;

  bound_ = Wide{core.constant} << shift_;
  std::vector<int64_t> whole(prices.size() + 1, 0);
  for (size_t t = 0; t < prices.size(); ++t) {
    prices_.push_back(std::llround(std::ldexp(std::max(0.0, prices[t]), shift_)));
    whole[t + 1] = whole[t] + prices_[t];
    bound_ -= Wide{prices_[t]} * core.limit[t];
  }
  node_.resize(core.nodes.size());
  for (size_t n = 0; n < core.nodes.size(); ++n) {
    for (const int64_t c : core.nodes[n].cost) node_[n].push_back(never(c) ? kNever : c << shift_);
    for (const auto& use : core.nodes[n].uses)
      for (size_t s = 0; s < use.used.size(); ++s)
        node_[n][s] = capped(node_[n][s] + (whole[use.to] - whole[use.from]) * use.used[s]);
  }
  to_[0].resize(core.edges.size()), to_[1].resize(core.edges.size());
  const auto take = [&](int e, bool to_u, size_t d) {
    const float* sent = dual.message(e, to_u);
    auto& to = to_[to_u ? 0 : 1][e];
    for (size_t s = 0; s < d; ++s)
      to.push_back(sent[s] >= CoreDual::kNeverSent / 2
                       ? 0
                       : std::llround(std::ldexp(static_cast<double>(sent[s]), shift_)));
  };
  for (size_t e = 0; e < core.edges.size(); ++e) {
    const auto& edge = core.edges[e];
    const int id = static_cast<int>(e);
    near_[edge.u].push_back({edge.v, id, true}), near_[edge.v].push_back({edge.u, id, false});
    take(id, true, core.nodes[edge.u].cost.size());
    to_[1][e].assign(core.nodes[edge.v].cost.size(), 0);
    if (edge.u > edge.v) {  // only what the last sweep, a backward one, sent is tight
      std::fill(to_[0][e].begin(), to_[0][e].end(), 0);
      to_[1][e].clear();
      take(id, false, core.nodes[edge.v].cost.size());
    }
    for (size_t s = 0; s < to_[0][e].size(); ++s) node_[edge.u][s] = capped(node_[edge.u][s] + to_[0][e][s]);
    for (size_t s = 0; s < to_[1][e].size(); ++s) node_[edge.v][s] = capped(node_[edge.v][s] + to_[1][e][s]);
  }
  // The dual's messages lend each node what the nodes after it can cover; they pay when their turn comes.
  for (int n = 0; n < static_cast<int>(core.nodes.size()); ++n) {
    pull(n, false);
    settle(n);
    push(n, true);
  }
}

// What edge `near` costs at least beside strategy s of n, after all that was moved.
int64_t ExactDual::spare(const Near& near, size_t s) const {
  const auto& edge = core_.edges[near.edge];
  const auto& others = to_[near.is_u ? 1 : 0][near.edge];
  const size_t width = core_.nodes[edge.v].cost.size();
  const size_t start = near.is_u ? s * width : s, step = near.is_u ? 1 : width;
  int64_t least = kNever;
  for (size_t o = 0; o < others.size(); ++o) {
    const int64_t c = edge.cost[start + o * step];
    if (never(c)) continue;
    least = std::min(least, (c << shift_) - others[o]);
  }
  return never(least) ? kNever : least - to_[near.is_u ? 0 : 1][near.edge][s];
}

void ExactDual::pull(int n, bool all) {
  for (const Near& near : near_[n]) {
    if (!all && near.other > n) continue;
    auto& to = to_[near.is_u ? 0 : 1][near.edge];
    for (size_t s = 0; s < to.size(); ++s) {
      const int64_t r = spare(near, s);
      if (never(r)) {  // no pair of it is finite, so that as much as one likes can be moved
        if (!never(node_[n][s])) to[s] += kMoved;
        node_[n][s] = kNever;
      } else {
        to[s] += r;
        node_[n][s] = capped(node_[n][s] + r);
      }
    }
  }
}

void ExactDual::settle(int n) {
  auto& costs = node_[n];
  const int64_t least = *std::min_element(costs.begin(), costs.end());
  bound_ += never(least) ? kNever : least;
  for (int64_t& c : costs)
    if (!never(c)) c -= least;
}

void ExactDual::push(int n, bool forward) {
  size_t before = 0, after = 0;
  for (const Near& near : near_[n]) (near.other < n ? before : after)++;
  const auto share = static_cast<int64_t>(std::max<size_t>({before, after, 1}));
  std::vector<int64_t> part;
  for (const int64_t c : node_[n]) part.push_back(never(c) ? 0 : c / share);
  for (const Near& near : near_[n]) {
    if ((near.other > n) != forward) continue;
    auto& to = to_[near.is_u ? 0 : 1][near.edge];
    for (size_t s = 0; s < to.size(); ++s) {
      to[s] -= part[s];
      if (!never(node_[n][s])) node_[n][s] -= part[s];
    }
  }
}

void ExactDual::sweep(bool forward) {
  const int count = static_cast<int>(core_.nodes.size());
  for (int k = 0; k < count; ++k) {
    const int n = forward ? k : count - 1 - k;
    pull(n, true);
    settle(n);
    if (!allowed_.empty()) {
      const Wide most = slack();
      for (size_t s = 0; s < node_[n].size(); ++s)
        if (node_[n][s] > most) allowed_[n][s] = 0;
    }
    push(n, forward);
  }
}

int64_t ExactDual::bound() const {
  const Wide up = bound_ + ((Wide{1} << shift_) - 1);
  return static_cast<int64_t>(std::clamp<Wide>(up >> shift_, -Wide{kNever}, kNever));
}

double ExactDual::unrounded_bound() const {
  return static_cast<double>(std::ldexp(static_cast<long double>(bound_), -shift_));
}

void ExactDual::watch(int64_t below) {
  below_ = below;
  allowed_.clear();
  for (const auto& n : core_.nodes) allowed_.emplace_back(n.cost.size(), 1);
}

// What a choice below may cost on top of the bound; costs are whole.
ExactDual::Wide ExactDual::slack() const { return (Wide{below_ - 1} << shift_) - bound_; }

size_t ExactDual::filter(Core& core, std::vector<std::vector<char>>& allowed) {
  const Wide most = slack();
  size_t gone = 0;
  const auto count = static_cast<int>(core.nodes.size());
  std::vector<std::vector<int64_t>> total = node_;  // with what the edges cost at least beside it
  std::vector<std::vector<int64_t>> least[2];
  least[0].resize(core.edges.size()), least[1].resize(core.edges.size());
  for (int n = 0; n < count; ++n)
    for (const Near& near : near_[n]) {
      auto& row = least[near.is_u ? 0 : 1][near.edge];
      for (size_t s = 0; s < node_[n].size(); ++s) {
        row.push_back(spare(near, s));
        total[n][s] = capped(total[n][s] + row[s]);
      }
    }
  allowed = allowed_;
  for (int n = 0; n < count; ++n)
    for (size_t s = 0; s < total[n].size(); ++s) {
      if (total[n][s] > most) allowed[n][s] = 0;
      gone += allowed[n][s] == 0;
    }
  for (size_t e = 0; e < core.edges.size(); ++e) {
    auto& edge = core.edges[e];
    const size_t nu = total[edge.u].size(), nv = total[edge.v].size();
    for (size_t i = 0; i < nu; ++i) {
      if (!allowed[edge.u][i]) continue;
      const Wide rest = most - (total[edge.u][i] - least[0][e][i]);
      for (size_t j = 0; j < nv; ++j) {
        int64_t& c = edge.cost[i * nv + j];
        if (never(c) || !allowed[edge.v][j]) continue;
        const int64_t own = (c << shift_) - to_[0][e][i] - to_[1][e][j];
        if (Wide{own} + (total[edge.v][j] - least[1][e][j]) > rest) c = kNever, ++gone;
      }
    }
  }
  return gone;
}

std::vector<double> ExactDual::excess(const std::vector<int>& choice) const {
  std::vector<double> out(choice.size());
  for (size_t n = 0; n < choice.size(); ++n)
    out[n] = std::ldexp(static_cast<double>(node_[n][choice[n]]), -shift_);
  for (size_t e = 0; e < core_.edges.size(); ++e) {
    const auto& edge = core_.edges[e];
    const int i = choice[edge.u], j = choice[edge.v];
    const int64_t c = edge.cost[i * core_.nodes[edge.v].cost.size() + j];
    if (never(c)) continue;
    const double own = std::ldexp(static_cast<double>((c << shift_) - to_[0][e][i] - to_[1][e][j]), -shift_);
    out[edge.u] += own, out[edge.v] += own;
  }
  return out;
}

}  // namespace cordata::planner
