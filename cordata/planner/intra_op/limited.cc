// SPDX-License-Identifier: Apache-2.0
#include "cordata/planner/intra_op/limited.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <numeric>

namespace cordata::planner {
namespace {

constexpr int kPeaks = 16;   // rounds of least_usage
constexpr int kTimes = 6;    // times that get a price
constexpr int kSecants = 8;  // steps for one of them
constexpr int kDoublings = 40;

using Prices = std::map<int64_t, int64_t>;  // time -> of one unit of usage there

int64_t usage(const Problem::Node& n, int s) { return n.usage.empty() || n.from >= n.to ? 0 : n.usage[s]; }

struct Peak {
  int64_t time = 0, usage = 0;
};

Peak peak_of(const Problem& problem, const std::vector<int>& choice) {
  std::map<int64_t, int64_t> change;
  for (size_t n = 0; n < choice.size(); ++n)
    if (const int64_t u = usage(problem.nodes[n], choice[n]); u != 0)
      change[problem.nodes[n].from] += u, change[problem.nodes[n].to] -= u;
  Peak best;
  int64_t now = 0;
  for (const auto& [time, delta] : change)
    if ((now += delta) > best.usage) best = {time, now};
  return best;
}

bool alive(const Problem::Node& n, int64_t time) { return n.from <= time && time < n.to; }

int64_t usage_at(const Problem& problem, const std::vector<int>& choice, int64_t time) {
  int64_t sum = 0;
  for (size_t n = 0; n < choice.size(); ++n)
    if (alive(problem.nodes[n], time)) sum += usage(problem.nodes[n], choice[n]);
  return sum;
}

// The problem without memory in which costs count `scale` times and usage has its price.
Problem priced(const Problem& problem, int64_t scale, const Prices& prices) {
  Problem out = problem;
  for (auto& n : out.nodes) {
    int64_t price = 0;
    for (const auto& [time, p] : prices)
      if (alive(n, time)) price += p;
    for (size_t s = 0; s < n.cost.size(); ++s)
      if (n.cost[s] != kInfinite) n.cost[s] = n.cost[s] * scale + price * usage(n, static_cast<int>(s));
    n.usage.clear();
  }
  for (auto& e : out.edges)
    for (int64_t& c : e.cost)
      if (c != kInfinite) c *= scale;
  return out;
}

int64_t divide_up(int64_t a, int64_t b) { return a / b + (a % b > 0); }

class Limited {
 public:
  Limited(const Problem& problem, const SolveOptions& options, const Until& deadline)
      : problem_(problem),
        deadline_(deadline),
        below_(options.below >= kInfinite ? kInfinite : static_cast<int64_t>(options.below)) {
    double total = 1;
    for (const auto& n : problem.nodes) total += static_cast<double>(most(n.cost));
    for (const auto& e : problem.edges) total += static_cast<double>(most(e.cost));
    while (scale_ < 1024 && total * static_cast<double>(scale_) * 2 < 0x1p55) scale_ *= 2;
    for (const auto& n : problem.nodes)
      if (!n.usage.empty())
        all_usage_ += static_cast<double>(*std::max_element(n.usage.begin(), n.usage.end()));
  }

  Solution run() {
    const LeastUsage least = least_usage(problem_, problem_.usage_limit, deadline_);
    best_.least_usage = least.peak;
    best_.proven_infeasible = least.choice.empty() || least.bound > problem_.usage_limit;
    if (best_.proven_infeasible) return best_;
    if (least.peak <= problem_.usage_limit) offer(least.choice);
    std::vector<int> at = step({});
    for (int k = 0; k < kTimes && !at.empty() && !settled() && !deadline_.over(); ++k) {
      const Peak top = peak_of(problem_, at);
      if (top.usage <= problem_.usage_limit) break;
      at = price(top.time, std::move(at));
    }
    best_.lower_bound = std::min<__int128>(bound_, upper());
    return best_;
  }

 private:
  static int64_t most(const std::vector<int64_t>& costs) {
    int64_t m = 0;
    for (const int64_t c : costs)
      if (c != kInfinite) m = std::max(m, std::abs(c));
    return m;
  }

  int64_t upper() const { return best_.feasible ? static_cast<int64_t>(best_.cost) : below_; }
  bool settled() const { return bound_ >= upper(); }

  // Solves at these prices; the bound may rise, and the choice is offered. Empty: nothing cheaper than the
  // best is left at all.
  std::vector<int> step(const Prices& prices) {
    int64_t allowance = 0;
    for (const auto& [time, p] : prices) allowance += p * problem_.usage_limit;
    const int64_t scale = prices.empty() ? 1 : scale_;
    const int64_t below = upper() == kInfinite ? kInfinite : upper() * scale + allowance;
    Least found = minimise(priced(problem_, scale, prices), {}, below, deadline_);
    if (found.bound == kInfinite)
      bound_ = kInfinite;
    else
      bound_ = std::max(bound_, divide_up(found.bound - allowance, scale));
    if (!found.choice.empty()) offer(found.choice);
    return std::move(found.choice);
  }

  bool offer(const std::vector<int>& choice) {
    const auto cost = evaluate(problem_, choice);
    if (!cost || *cost >= upper()) return false;
    const int64_t peak = peak_usage(problem_, choice);
    if (peak > problem_.usage_limit) return false;
    best_.choice = choice, best_.cost = *cost, best_.feasible = true,
    best_.least_usage = std::min(best_.least_usage, peak);
    return true;
  }

  // Raises the price at one time until usage there fits, and then looks for the price between. Gives the
  // choice that fits there.
  std::vector<int> price(int64_t time, std::vector<int> over) {
    std::vector<int> under;
    int64_t low = prices_.count(time) ? prices_[time] : 0, high = 0;
    const double over_by = static_cast<double>(usage_at(problem_, over, time) - problem_.usage_limit);
    const double guess =
        0.01 * static_cast<double>(*evaluate(problem_, over)) * static_cast<double>(scale_) / over_by;
    int64_t next = low + std::max<int64_t>(1, static_cast<int64_t>(std::min(guess, highest_price() / 4)));
    for (int k = 0; under.empty(); ++k) {
      if (k == kDoublings || static_cast<double>(next) > highest_price()) return {};
      prices_[time] = next;
      auto found = step(prices_);
      if (found.empty()) return {};
      if (usage_at(problem_, found, time) <= problem_.usage_limit)
        under = std::move(found), high = next;
      else
        over = std::move(found), low = next, next *= 2;
    }
    mix(over, under);
    for (int k = 0; k < kSecants && !settled() && high - low > 1; ++k) {
      const double more =
          static_cast<double>(lagrangian(under, time) - lagrangian(over, time)) /
          static_cast<double>(usage_at(problem_, over, time) - usage_at(problem_, under, time));
      next = std::clamp(static_cast<int64_t>(more), low + 1, high - 1);
      prices_[time] = next;
      auto found = step(prices_);
      if (found.empty()) return {};
      if (found == over || found == under) break;
      const bool fits = usage_at(problem_, found, time) <= problem_.usage_limit;
      (fits ? high : low) = next;
      (fits ? under : over) = std::move(found);
      mix(over, under);
    }
    prices_[time] = high;
    return under;
  }

  double highest_price() const { return 0x1p55 / std::max(1.0, all_usage_); }

  // What a choice costs at the prices of the other times, scaled.
  __int128 lagrangian(const std::vector<int>& choice, int64_t time) const {
    __int128 sum = *evaluate(problem_, choice) * scale_;
    for (const auto& [t, p] : prices_)
      if (t != time) sum += static_cast<__int128>(p) * usage_at(problem_, choice, t);
    return sum;
  }

  // Starts from `under` and takes over parts of `over`, nodes that differ and hang together, those first that
  // save most.
  void mix(const std::vector<int>& over, const std::vector<int>& under) {
    const size_t count = over.size();
    std::vector<int> part(count);
    std::iota(part.begin(), part.end(), 0);
    const auto root = [&](int n) {
      while (part[n] != n) n = part[n] = part[part[n]];
      return n;
    };
    for (const auto& e : problem_.edges)
      if (over[e.u] != under[e.u] && over[e.v] != under[e.v]) part[root(e.u)] = root(e.v);
    std::map<int, std::vector<int>> parts;
    for (size_t n = 0; n < count; ++n)
      if (over[n] != under[n]) parts[root(static_cast<int>(n))].push_back(static_cast<int>(n));
    std::vector<std::pair<double, const std::vector<int>*>> order;
    const auto whole = *evaluate(problem_, under);
    const auto swapped = [&](const std::vector<int>& at, const std::vector<int>& nodes) {
      std::vector<int> out = at;
      for (const int n : nodes) out[n] = over[n];
      return out;
    };
    for (const auto& [id, nodes] : parts)
      if (const auto cost = evaluate(problem_, swapped(under, nodes)); cost && *cost < whole)
        order.emplace_back(static_cast<double>(*cost - whole), &nodes);
    std::stable_sort(order.begin(), order.end(),
                     [](const auto& a, const auto& b) { return a.first < b.first; });
    std::vector<int> at = under;
    if (peak_usage(problem_, at) > problem_.usage_limit) return;
    for (const auto& [saved, nodes] : order) {
      auto next = swapped(at, *nodes);
      if (peak_usage(problem_, next) <= problem_.usage_limit) at = std::move(next);
    }
    offer(at);
  }

  const Problem& problem_;
  Until deadline_;
  int64_t below_, scale_ = 1;
  double all_usage_ = 0;
  Prices prices_;
  Solution best_;
  int64_t bound_ = INT64_MIN;
};

}  // namespace

int64_t usage_floor(const Problem& problem) {
  std::map<int64_t, int64_t> change;
  for (const auto& n : problem.nodes) {
    if (n.usage.empty() || n.from >= n.to) continue;
    const int64_t least = *std::min_element(n.usage.begin(), n.usage.end());
    change[n.from] += least, change[n.to] -= least;
  }
  int64_t now = 0, floor = 0;
  for (const auto& [time, delta] : change) floor = std::max(floor, now += delta);
  return floor;
}

// Each round prices usage at times by a distribution over them: what is cheapest then bounds every peak. Each
// peak met makes its time weigh more; a small part, smaller each round, is spread over all times, so that
// usage elsewhere is not given away.
LeastUsage least_usage(const Problem& problem, std::optional<int64_t> limit, const Until& deadline) {
  LeastUsage out;
  out.bound = usage_floor(problem);
  double all = 1;
  int64_t begin = INT64_MAX, end = INT64_MIN;
  for (const auto& n : problem.nodes) {
    if (n.usage.empty() || n.from >= n.to) continue;
    all += static_cast<double>(*std::max_element(n.usage.begin(), n.usage.end()));
    begin = std::min(begin, n.from), end = std::max(end, n.to);
  }
  const double unit = std::floor(0x1p50 / all);  // of the weight of a distribution
  std::map<int64_t, int> peaks;
  const auto weight = [&](const Problem::Node& n, int rounds) {
    const double spread = rounds == 0 ? 1 : 0.1 / rounds;
    double met = 0;
    for (const auto& [time, times] : peaks)
      if (alive(n, time)) met += times;
    const double length = static_cast<double>(n.to - n.from) / static_cast<double>(end - begin);
    return static_cast<int64_t>(unit * (spread * length + (rounds == 0 ? 0 : (1 - spread) * met / rounds)) *
                                (1 - 1e-12));
  };
  const auto open = [&] {
    return out.bound < out.peak && !(limit && (out.peak <= *limit || out.bound > *limit));
  };
  for (int round = 0; round < kPeaks && (round == 0 || (open() && !deadline.over())); ++round) {
    Problem weighed = priced(problem, 0, {});
    for (size_t n = 0; n < weighed.nodes.size(); ++n) {
      const auto& node = problem.nodes[n];
      const int64_t w = node.usage.empty() || node.from >= node.to ? 0 : weight(node, round);
      for (size_t s = 0; s < node.cost.size(); ++s)
        if (node.cost[s] != kInfinite) weighed.nodes[n].cost[s] = w * usage(node, static_cast<int>(s));
    }
    Least found = minimise(weighed, {}, kInfinite, deadline);
    if (found.choice.empty()) return out;
    out.bound =
        std::max(out.bound, static_cast<int64_t>(static_cast<double>(found.bound) / unit * (1 - 1e-12)));
    const Peak top = peak_of(problem, found.choice);
    if (out.choice.empty() || top.usage < out.peak)
      out.choice = std::move(found.choice), out.peak = top.usage;
    ++peaks[top.time];
  }
  return out;
}

Solution minimise_limited(const Problem& problem, const SolveOptions& options, const Until& deadline) {
  return Limited(problem, options, deadline).run();
}

}  // namespace cordata::planner
