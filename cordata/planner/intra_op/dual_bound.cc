// SPDX-License-Identifier: Apache-2.0
#include "cordata/planner/intra_op/dual_bound.h"

#include <algorithm>
#include <cmath>

#include "cordata/planner/intra_op/solve.h"

namespace cordata::planner {
namespace {

constexpr double kLarge = 281474976710656.0;  // 2^48: sums of messages stay below 2^52

bool never(double c) { return c >= 1e299; }

// The least power of 2 in which all costs together are a small number.
double unit(const Problem& problem) {
  double total = 0;
  const auto most = [](const std::vector<int64_t>& costs) {
    double m = 0;
    for (const int64_t c : costs)
      if (c != kInfinite) m = std::max(m, std::abs(static_cast<double>(c)));
    return m;
  };
  for (const auto& n : problem.nodes) total += most(n.cost);
  for (const auto& e : problem.edges) total += most(e.cost);
  double unit = 1;
  while (total > kLarge * unit) unit *= 2;
  return unit;
}

}  // namespace

double DualBound::widen(int64_t cost) const {
  return cost == kInfinite ? kNever : std::floor(static_cast<double>(cost) / unit_);
}
int64_t DualBound::whole(double cost) const {
  return never(cost) ? kInfinite : static_cast<int64_t>(std::max(cost, -kLarge * 16) * unit_);
}

DualBound::DualBound(const Problem& problem)
    : problem_(problem), unit_(unit(problem)), nodes_(problem.nodes.size()) {
  size_t most = 0, messages = 0;
  for (size_t n = 0; n < nodes_.size(); ++n) {
    for (const int64_t c : problem.nodes[n].cost) nodes_[n].cost.push_back(widen(c));
    most = std::max(most, nodes_[n].cost.size());
  }
  tables_.reserve(2 * problem.edges.size());
  for (const auto& e : problem.edges) {
    const size_t nu = problem.nodes[e.u].cost.size(), nv = problem.nodes[e.v].cost.size();
    if (e.u == e.v) {
      for (size_t i = 0; i < nu; ++i)
        nodes_[e.u].cost[i] = std::min(nodes_[e.u].cost[i] + widen(e.cost[i * nv + i]), kNever);
      continue;
    }
    std::vector<double> rows(nu * nv), columns(nu * nv);
    for (size_t i = 0; i < nu; ++i)
      for (size_t j = 0; j < nv; ++j) rows[i * nv + j] = columns[j * nu + i] = widen(e.cost[i * nv + j]);
    tables_.push_back(std::move(rows)), tables_.push_back(std::move(columns));
    const size_t to_u = messages, to_v = messages + nu;
    messages += nu + nv;
    (e.v < e.u ? nodes_[e.u].before : nodes_[e.u].after)
        .push_back({e.v, to_u, to_v, tables_[tables_.size() - 2].data()});
    (e.u < e.v ? nodes_[e.v].before : nodes_[e.v].after).push_back({e.u, to_v, to_u, tables_.back().data()});
  }
  messages_.assign(messages, 0);
  here_.resize(most);
  rounded_.resize(nodes_.size());
}

// Sums what the node costs itself and what was sent to it into here_; gives the least, which leaves it.
double DualBound::gather(int n) {
  const Node& node = nodes_[n];
  const size_t d = node.cost.size();
  std::copy(node.cost.begin(), node.cost.end(), here_.begin());
  for (const auto* arcs : {&node.before, &node.after})
    for (const Arc& arc : *arcs)
      for (size_t i = 0; i < d; ++i) here_[i] += messages_[arc.in + i];
  const double least = *std::min_element(here_.begin(), here_.begin() + static_cast<std::ptrdiff_t>(d));
  for (size_t i = 0; i < d; ++i) here_[i] = never(here_[i]) ? kNever : here_[i] - least;
  return least;
}

// Sends the node's share of what it costs, and what the edge adds, to the other end.
void DualBound::send(const Node& node, const Arc& arc, double share, double& bound) {
  const size_t w = nodes_[arc.other].cost.size();
  double* out = messages_.data() + arc.out;
  std::fill(out, out + w, kNever);
  for (size_t i = 0; i < node.cost.size(); ++i) {
    if (never(here_[i])) continue;
    const double from = std::floor(here_[i] / share) - messages_[arc.in + i];
    const double* row = arc.cost + i * w;
    for (size_t j = 0; j < w; ++j) out[j] = std::min(out[j], from + row[j]);
  }
  const double least = *std::min_element(out, out + w);
  if (never(least)) {
    bound = kNever;
    return;
  }
  for (size_t j = 0; j < w; ++j) out[j] = never(out[j]) ? kNever : out[j] - least;
  bound += least;
}

// The node's best strategy next to those that were rounded before it; what comes later speaks by its
// messages.
int DualBound::pick(int n, bool forward) const {
  const Node& node = nodes_[n];
  int best = 0;
  double least = HUGE_VAL;
  for (size_t i = 0; i < node.cost.size(); ++i) {
    double sum = node.cost[i];
    for (const Arc& arc : forward ? node.before : node.after)
      sum += arc.cost[i * nodes_[arc.other].cost.size() + rounded_[arc.other]];
    for (const Arc& arc : forward ? node.after : node.before) sum += messages_[arc.in + i];
    if (sum < least) least = sum, best = static_cast<int>(i);
  }
  return best;
}

void DualBound::sweep(bool forward, bool round) {
  const int count = static_cast<int>(nodes_.size());
  double bound = 0;
  for (int k = 0; k < count && bound < kNever; ++k) {
    const int n = forward ? k : count - 1 - k;
    const Node& node = nodes_[n];
    if (round) rounded_[n] = pick(n, forward);
    const double least = gather(n);
    if (never(least))
      bound = kNever;
    else
      bound += least;
    const auto share = static_cast<double>(std::max<size_t>({node.before.size(), node.after.size(), 1}));
    for (const Arc& arc : forward ? node.after : node.before)
      if (bound < kNever) send(node, arc, share, bound);
  }
  before_last_ = last_;
  last_ = std::min(bound, kNever);
  bound_ = std::max(bound_, last_);
  if (round && bound < kNever) offer();
}

void DualBound::offer() {
  const auto cost = evaluate(problem_, rounded_);
  if (!cost || *cost >= cost_) return;
  cost_ = static_cast<int64_t>(*cost);
  choice_ = rounded_;
}

void DualBound::run(int sweeps, int64_t goal, const Until& until) {
  double before = bound_;
  for (int s = 0; s < sweeps && bound() < std::min(goal, cost_) && !until.over(); ++s) {
    sweep(s % 2 == 0, s % 8 >= 6);
    if (s % 16 != 15) continue;
    if (s > 16 && bound_ - before <= 1e-5 * std::max(std::abs(bound_), 1.0)) break;
    before = bound_;
  }
}

// A sweep begins with a bound that leaves nothing negative anywhere, and keeps that. When it comes to a node
// it has moved all that the edges around it can spare there, so what the node then costs above its least is
// on top of the bound before the sweep.
std::vector<std::vector<int64_t>> DualBound::least_with() const {
  std::vector<std::vector<int64_t>> out;
  for (const Node& node : nodes_) {
    std::vector<double> sum = node.cost;
    for (const auto* arcs : {&node.before, &node.after})
      for (const Arc& arc : *arcs)
        for (size_t i = 0; i < sum.size(); ++i) sum[i] = std::min(sum[i] + messages_[arc.in + i], kNever);
    const double least = *std::min_element(sum.begin(), sum.end());
    auto& whole_sums = out.emplace_back();
    for (const double c : sum) whole_sums.push_back(never(c) ? kInfinite : whole(before_last_ + (c - least)));
  }
  return out;
}

}  // namespace cordata::planner
