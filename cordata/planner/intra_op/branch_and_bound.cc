// SPDX-License-Identifier: Apache-2.0
// Depth-first branch and bound. The bound of a node is bucket elimination (eliminate.h) of the problem in
// which memory is priced by Lagrange multipliers on the times that bind (Fisher 1981), moved by Polyak's
// sub-gradient step. Multipliers are integers over kScale, so every bound is exact.
#include "cordata/planner/intra_op/branch_and_bound.h"

#include <algorithm>
#include <map>

#include "cordata/planner/intra_op/eliminate.h"

namespace cordata::planner {
namespace {

constexpr Wide kScale = Wide{1} << 20;
constexpr size_t kTableLimit = size_t{1} << 21;

using Multipliers = std::map<int64_t, Wide>;  // time -> price of one unit of usage, times kScale

struct Branch {
  std::vector<std::vector<char>> allowed;
  Multipliers prices;
  Wide bound;
};

struct Peak {
  int64_t time = 0;
  Wide usage = 0;
};

class Solver {
 public:
  Solver(const Problem& problem, const SolveOptions& options, int branches)
      : problem_(problem),
        options_(options),
        branches_(branches),
        start_(Clock::now()),
        order_(elimination_order(problem)) {
    auto span = std::chrono::duration<double>(std::min(options.seconds, 1e8));
    deadline_ = {start_ + std::chrono::duration_cast<Clock::duration>(span), options.stop};
  }

  Solution run() {
    Branch root{{}, {}, trivial_bound()};
    for (const auto& node : problem_.nodes) {
      root.allowed.emplace_back();
      for (int64_t c : node.cost) root.allowed.back().push_back(c != kInfinite);
    }
    open_.push_back(std::move(root));
    for (int k = 0; !open_.empty() && k < branches_ && !deadline_.over(); ++k) {
      Branch branch = std::move(open_.back());
      open_.pop_back();
      if (best_.feasible && branch.bound >= best_.cost) continue;
      if (!explore(branch)) {  // out of time: its bound still counts
        open_.push_back(std::move(branch));
        break;
      }
    }
    return finish();
  }

 private:
  Solution finish() {
    Wide bound = best_.feasible ? best_.cost : kWideInfinite;
    for (const auto& branch : open_) bound = std::min(bound, branch.bound);
    best_.proven_infeasible = open_.empty() && !best_.feasible;
    best_.lower_bound = bound >= kWideInfinite ? 0 : bound;
    if (!best_.feasible) best_.choice.clear();
    best_.least_usage = least_usage_;
    return best_;
  }

  Wide trivial_bound() const {
    Wide bound = 0;
    for (const auto& n : problem_.nodes) bound += *std::min_element(n.cost.begin(), n.cost.end());
    for (const auto& e : problem_.edges) bound += *std::min_element(e.cost.begin(), e.cost.end());
    return bound;
  }

  int64_t usage(int n, int s) const {
    const auto& node = problem_.nodes[n];
    return node.usage.empty() || node.from >= node.to ? 0 : node.usage[s];
  }

  // Where the most is in use when node n uses use(n).
  template <typename Use>
  Peak peak(Use use) const {
    std::map<int64_t, Wide> change;
    for (size_t n = 0; n < problem_.nodes.size(); ++n) {
      if (Wide u = use(static_cast<int>(n)); u != 0)
        change[problem_.nodes[n].from] += u, change[problem_.nodes[n].to] -= u;
    }
    Peak best;
    Wide now = 0;
    for (auto [time, delta] : change)
      if ((now += delta) > best.usage) best = {time, now};
    return best;
  }
  Peak peak_of(const std::vector<int>& choice) const {
    return peak([&](int n) { return Wide{usage(n, choice[n])}; });
  }
  bool alive(int n, int64_t time) const {
    return problem_.nodes[n].from <= time && time < problem_.nodes[n].to;
  }

  std::vector<std::vector<Wide>> priced(const Branch& branch, Wide scale) const {
    std::vector<std::vector<Wide>> unary(problem_.nodes.size());
    for (size_t n = 0; n < unary.size(); ++n) {
      Wide price = 0;
      for (auto [time, p] : branch.prices)
        if (alive(static_cast<int>(n), time)) price += p;
      const auto& node = problem_.nodes[n];
      for (size_t s = 0; s < node.cost.size(); ++s)
        unary[n].push_back(!branch.allowed[n][s] ? kWideInfinite
                                                 : node.cost[s] * scale + price * usage(static_cast<int>(n),
                                                                                        static_cast<int>(s)));
    }
    return unary;
  }

  // Whether even the least usage of each node passes the limit.
  bool hopeless(const Branch& branch) const {
    Peak least = peak([&](int n) {
      int64_t u = INT64_MAX;
      for (size_t s = 0; s < branch.allowed[n].size(); ++s)
        if (branch.allowed[n][s]) u = std::min(u, usage(n, static_cast<int>(s)));
      return u == INT64_MAX ? Wide{0} : Wide{u};
    });
    return least.usage > problem_.usage_limit;
  }

  // False when time ran out before the branch was settled or split.
  bool explore(Branch& branch) {
    if (hopeless(branch)) return true;
    int rounds = first_ ? 60 : 6;
    first_ = false;
    std::vector<int> choice;
    Multipliers best_prices = branch.prices;
    for (int round = 0; round < rounds; ++round) {
      Wide scale = branch.prices.empty() ? 1 : kScale;
      Elimination inner = eliminate(problem_, order_, priced(branch, scale), scale, kTableLimit, deadline_);
      if (!inner.finished) return false;
      if (inner.bound >= kWideInfinite) return true;
      if (Wide bound = lagrangian(inner.bound, branch.prices, scale); bound > branch.bound)
        branch.bound = bound, best_prices = branch.prices;
      choice = inner.choice;
      offer(choice);
      if (best_.feasible && branch.bound >= best_.cost) return true;
      Peak top = peak_of(choice);
      if (branch.prices.empty() && top.usage <= problem_.usage_limit) break;
      if (!move_prices(branch, choice, top, round)) break;
    }
    branch.prices = best_prices;
    return split(branch, choice);
  }

  // The bound on the cost, rounded up: costs are integers.
  Wide lagrangian(Wide inner, const Multipliers& prices, Wide scale) const {
    for (auto [time, p] : prices) inner -= p * problem_.usage_limit;
    Wide whole = inner / scale;
    return whole + (inner % scale > 0 ? 1 : 0);
  }

  bool move_prices(Branch& branch, const std::vector<int>& choice, Peak top, int round) const {
    if (top.usage > problem_.usage_limit) branch.prices.try_emplace(top.time, 0);
    std::map<int64_t, double> slope;
    double norm = 0;
    for (auto [time, p] : branch.prices) {
      Wide used = 0;
      for (size_t n = 0; n < choice.size(); ++n)
        if (alive(static_cast<int>(n), time)) used += usage(static_cast<int>(n), choice[n]);
      double g = static_cast<double>(used - problem_.usage_limit);
      if (g < 0 && p == 0) g = 0;
      slope[time] = g, norm += g * g;
    }
    if (norm == 0) return false;
    double low = static_cast<double>(branch.bound);
    double goal = best_.feasible ? static_cast<double>(best_.cost) : low + 0.1 * (low < 0 ? -low : low) + 1;
    double step = (round < 20 ? 1.0 : 0.5) * std::max(goal - low, 1.0) / norm * static_cast<double>(kScale);
    for (auto& [time, p] : branch.prices) {
      double next = std::clamp(static_cast<double>(p) + step * slope[time], 0.0, 1e15);
      p = static_cast<Wide>(next + 0.5);
    }
    return true;
  }

  void offer(std::vector<int> choice) {
    if (!evaluate(problem_, choice)) return;
    Peak top = peak_of(choice);
    note_usage(top.usage);
    if (top.usage > problem_.usage_limit && !repair(choice)) return;
    auto cost = evaluate(problem_, choice);
    if (!cost || (best_.feasible && *cost >= best_.cost)) return;
    best_.choice = std::move(choice), best_.cost = *cost, best_.feasible = true;
  }
  void note_usage(Wide used) {
    int64_t peak = static_cast<int64_t>(std::min<Wide>(used, INT64_MAX));
    least_usage_ = seen_ ? std::min(least_usage_, peak) : peak;
    seen_ = true;
  }

  // Changes, one node at a time, what costs least per unit of memory freed at the peak.
  bool repair(std::vector<int>& choice) const {
    if (near_.empty()) index_edges();
    for (size_t move = 0; move < 4 * choice.size() && !deadline_.over(); ++move) {
      Peak top = peak_of(choice);
      if (top.usage <= problem_.usage_limit) return true;
      double best = 1e300;
      int node = -1, strategy = 0;
      for (int n = 0; n < static_cast<int>(choice.size()); ++n) {
        if (!alive(n, top.time)) continue;
        for (int s = 0; s < static_cast<int>(problem_.nodes[n].cost.size()); ++s) {
          double freed = static_cast<double>(usage(n, choice[n]) - usage(n, s));
          if (freed <= 0) continue;
          double price = (local_cost(choice, n, s) - local_cost(choice, n, choice[n])) / freed;
          if (price < best) best = price, node = n, strategy = s;
        }
      }
      if (node < 0) return false;
      choice[node] = strategy;
    }
    return false;
  }
  void index_edges() const {
    near_.resize(problem_.nodes.size());
    for (size_t e = 0; e < problem_.edges.size(); ++e) {
      near_[problem_.edges[e].u].push_back(static_cast<int>(e));
      if (problem_.edges[e].u != problem_.edges[e].v)
        near_[problem_.edges[e].v].push_back(static_cast<int>(e));
    }
  }
  double local_cost(const std::vector<int>& choice, int n, int s) const {
    auto value = [](int64_t c) { return c == kInfinite ? 1e40 : static_cast<double>(c); };
    double sum = value(problem_.nodes[n].cost[s]);
    for (int id : near_[n]) {
      const auto& e = problem_.edges[id];
      size_t i = e.u == n ? s : choice[e.u], j = e.v == n ? s : choice[e.v];
      sum += value(e.cost[i * problem_.nodes[e.v].cost.size() + j]);
    }
    return sum;
  }

  // Two branches: a node takes its present strategy, or never does.
  bool split(Branch& branch, const std::vector<int>& choice) {
    Peak top = peak_of(choice);
    int node = -1;
    Wide most = -1;
    for (int n = 0; n < static_cast<int>(choice.size()); ++n) {
      if (std::count(branch.allowed[n].begin(), branch.allowed[n].end(), 1) < 2) continue;
      Wide low = INT64_MAX, high = 0;
      for (size_t s = 0; s < branch.allowed[n].size(); ++s)
        if (branch.allowed[n][s])
          low = std::min<Wide>(low, usage(n, static_cast<int>(s))),
          high = std::max<Wide>(high, usage(n, static_cast<int>(s)));
      Wide range = alive(n, top.time) ? high - low : 0;
      if (range > most) most = range, node = n;
    }
    if (node < 0) return true;  // one choice was left, and offer() has seen it
    Branch without = branch;
    without.allowed[node][choice[node]] = 0;
    open_.push_back(std::move(without));
    bool can_take = branch.allowed[node][choice[node]];
    std::fill(branch.allowed[node].begin(), branch.allowed[node].end(), 0);
    branch.allowed[node][choice[node]] = can_take;
    if (can_take) open_.push_back(std::move(branch));
    return true;
  }

  const Problem& problem_;
  const SolveOptions& options_;
  int branches_;
  Clock::time_point start_;
  Until deadline_;
  std::vector<int> order_;
  std::vector<Branch> open_;
  Solution best_;
  bool first_ = true, seen_ = false;
  int64_t least_usage_ = 0;
  mutable std::vector<std::vector<int>> near_;
};

}  // namespace

Solution branch_and_bound(const Problem& problem, const SolveOptions& options, int branches) {
  return Solver(problem, options, branches).run();
}

}  // namespace cordata::planner
