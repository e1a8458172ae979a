// SPDX-License-Identifier: Apache-2.0
#include "cordata/planner/intra_op/core_dual.h"

#include <algorithm>
#include <cmath>

namespace cordata::planner {
namespace {

constexpr float kNeverSeen = CoreDual::kNeverSent / 2;
constexpr int kWarmUp = 8;  // steps before prices move

void relax_plain(float* out, const float* row, float from, size_t width) {
  for (size_t j = 0; j < width; ++j) {
    const float c = from + row[j];
    out[j] = c < out[j] ? c : out[j];
  }
}

#if defined(__x86_64__)
__attribute__((target("avx2"))) void relax_avx2(float* __restrict out, const float* __restrict row,
                                                float from, size_t width) {
  for (size_t j = 0; j < width; ++j) {
    const float c = from + row[j];
    out[j] = c < out[j] ? c : out[j];
  }
}
const auto relax = __builtin_cpu_supports("avx2") ? &relax_avx2 : &relax_plain;
#else
const auto relax = &relax_plain;
#endif

float widen(int64_t cost) { return never(cost) ? CoreDual::kNeverSent : static_cast<float>(cost); }

}  // namespace

CoreDual::CoreDual(const Core& core, const Plan& plan)
    : core_(core),
      plan_(plan),
      nodes_(core.nodes.size()),
      prices_(core.limit.size(), 0),
      best_prices_(core.limit.size(), 0),
      mean_(core.limit.size(), 0),
      square_(core.limit.size(), 0),
      best_(-HUGE_VAL) {
  size_t most = 0, messages = 0;
  for (size_t n = 0; n < nodes_.size(); ++n) {
    for (const int64_t c : core.nodes[n].cost) nodes_[n].cost.push_back(widen(c));
    nodes_[n].priced = nodes_[n].cost;
    nodes_[n].belief.resize(nodes_[n].cost.size());
    most = std::max(most, nodes_[n].cost.size());
  }
  tables_.reserve(2 * core.edges.size());
  for (const auto& e : core.edges) {
    const size_t nu = core.nodes[e.u].cost.size(), nv = core.nodes[e.v].cost.size();
    std::vector<float> rows(nu * nv), columns(nu * nv);
    for (size_t i = 0; i < nu; ++i)
      for (size_t j = 0; j < nv; ++j) rows[i * nv + j] = columns[j * nu + i] = widen(e.cost[i * nv + j]);
    tables_.push_back(std::move(rows)), tables_.push_back(std::move(columns));
    const size_t to_u = messages, to_v = messages + nu;
    messages += nu + nv;
    to_u_.push_back(to_u), to_v_.push_back(to_v);
    (e.v < e.u ? nodes_[e.u].before : nodes_[e.u].after)
        .push_back({e.v, to_u, to_v, tables_[tables_.size() - 2].data()});
    (e.u < e.v ? nodes_[e.v].before : nodes_[e.v].after).push_back({e.u, to_v, to_u, tables_.back().data()});
  }
  messages_.assign(messages, 0);
  here_.resize(most);
  for (const int64_t l : core.limit) room_ = std::max(room_, static_cast<double>(l));
}

void CoreDual::start_from(std::vector<double> prices) {
  prices_ = std::move(prices);
  best_prices_ = prices_;
}

void CoreDual::price() {
  std::vector<double> sum(prices_.size() + 1, 0);
  for (size_t t = 0; t < prices_.size(); ++t) sum[t + 1] = sum[t] + prices_[t];
  for (size_t n = 0; n < nodes_.size(); ++n) {
    if (core_.nodes[n].uses.empty()) continue;
    Node& node = nodes_[n];
    node.priced = node.cost;
    for (const auto& use : core_.nodes[n].uses) {
      const double p = sum[use.to] - sum[use.from];
      if (p <= 0) continue;
      for (size_t s = 0; s < node.cost.size(); ++s)
        node.priced[s] += static_cast<float>(p * static_cast<double>(use.used[s]));
    }
  }
}

// How much of each strategy the node would take, softly, from what it costs here.
void CoreDual::believe(Node& node, double temperature) {
  const auto cold = static_cast<float>(1 / temperature);
  float sum = 0;
  for (size_t s = 0; s < node.cost.size(); ++s) {
    const float x = here_[s] * cold;
    node.belief[s] = x > 40 ? 0 : std::exp(-x);
    sum += node.belief[s];
  }
  for (float& b : node.belief) b /= sum;
}

double CoreDual::sweep(bool forward, double temperature) {
  double bound = 0;
  const int count = static_cast<int>(nodes_.size());
  for (int k = 0; k < count; ++k) {
    Node& node = nodes_[forward ? k : count - 1 - k];
    const size_t d = node.cost.size();
    float* here = here_.data();
    std::copy(node.priced.begin(), node.priced.end(), here);
    for (const auto* arcs : {&node.before, &node.after})
      for (const Arc& arc : *arcs) {
        const float* in = messages_.data() + arc.in;
        for (size_t i = 0; i < d; ++i) here[i] += in[i];
      }
    const float least = *std::min_element(here, here + d);
    bound += least;
    for (size_t i = 0; i < d; ++i) here[i] -= least;
    if (temperature > 0) believe(node, temperature);
    const float share =
        1.0F / static_cast<float>(std::max<size_t>({node.before.size(), node.after.size(), 1}));
    for (const Arc& arc : forward ? node.after : node.before) {
      const size_t width = nodes_[arc.other].cost.size();
      float* out = messages_.data() + arc.out;
      const float* in = messages_.data() + arc.in;
      std::fill(out, out + width, kNeverSent);
      for (size_t i = 0; i < d; ++i)
        if (here[i] < kNeverSeen) relax(out, arc.cost + i * width, here[i] * share - in[i], width);
      const float lowest = *std::min_element(out, out + width);
      bound += lowest;
      for (size_t j = 0; j < width; ++j) out[j] = out[j] >= kNeverSeen ? kNeverSent : out[j] - lowest;
    }
  }
  for (size_t t = 0; t < prices_.size(); ++t)
    if (prices_[t] > 0) bound -= prices_[t] * static_cast<double>(core_.limit[t]);
  return bound + static_cast<double>(core_.constant);
}

void CoreDual::step() {
  ++steps_;
  const double done = std::min(1.0, static_cast<double>(steps_) / plan_.steps);
  rate_ = plan_.first_rate * std::pow(plan_.last_rate / plan_.first_rate, done);
  price();
  sweep(true, 0);
  const double bound = sweep(false, core_.limit.empty() ? 0 : 1e-3 * rate_ * unit_);
  if (steps_ <= kWarmUp) unit_ = std::max(1.0, std::abs(bound - static_cast<double>(core_.constant)));
  if (bound > best_) best_ = bound, best_prices_ = prices_;
  if (steps_ > kWarmUp && !core_.limit.empty()) move_prices();
}

void CoreDual::settle(int sweeps) {
  prices_ = best_prices_;
  price();
  for (int k = 0; k < sweeps; ++k) best_ = std::max(best_, sweep(k % 2 == 0, 0));
}

void CoreDual::move_prices() {
  std::vector<double> change(core_.limit.size() + 1, 0);
  for (size_t n = 0; n < nodes_.size(); ++n)
    for (const auto& use : core_.nodes[n].uses) {
      double used = 0;
      for (size_t s = 0; s < use.used.size(); ++s)
        used += static_cast<double>(nodes_[n].belief[s]) * static_cast<double>(use.used[s]);
      change[use.from] += used, change[use.to] -= used;
    }
  double now = 0;
  for (size_t t = 0; t < core_.limit.size(); ++t) {
    now += change[t];
    const double slope = (now - static_cast<double>(core_.limit[t])) / room_;
    mean_[t] = 0.9 * mean_[t] + 0.1 * slope;
    square_[t] = 0.99 * square_[t] + 0.01 * slope * slope;
    const double move = mean_[t] / (std::sqrt(square_[t]) + 1e-3) * rate_ * unit_ / room_;
    prices_[t] = std::max(0.0, prices_[t] + move);
  }
}

}  // namespace cordata::planner
