// SPDX-License-Identifier: Apache-2.0
#include "cordata/planner/intra_op/search.h"

#include <algorithm>
#include <atomic>
#include <cmath>
#include <mutex>
#include <numeric>
#include <thread>

#include "cordata/planner/intra_op/core_choice.h"
#include "cordata/planner/intra_op/core_solve.h"
#include "cordata/planner/intra_op/large_neighbourhood.h"

namespace cordata::planner {
namespace {

constexpr int kSlice =
    60;  // neighbourhoods between two looks at the bound, twice as many each time up to this

constexpr CoreEffort kBounded = {.mip_columns = 30'000, .mip_iterations = 20'000, .programs = 2};

// Nodes by when they begin: messages go along that order, and it should not matter how the problem numbers
// them.
std::vector<int> order_in_time(const Problem& problem) {
  std::vector<int> order(problem.nodes.size());
  std::iota(order.begin(), order.end(), 0);
  std::stable_sort(order.begin(), order.end(), [&](int a, int b) {
    const auto &x = problem.nodes[a], &y = problem.nodes[b];
    return std::pair(x.from, x.to) < std::pair(y.from, y.to);
  });
  return order;
}

Problem reordered(const Problem& problem, const std::vector<int>& order) {
  Problem out;
  out.usage_limit = problem.usage_limit;
  std::vector<int> place(order.size());
  for (size_t k = 0; k < order.size(); ++k) {
    place[order[k]] = static_cast<int>(k);
    out.nodes.push_back(problem.nodes[order[k]]);
  }
  out.edges = problem.edges;
  for (auto& e : out.edges) e.u = place[e.u], e.v = place[e.v];
  return out;
}

class Search {
 public:
  Search(const Problem& problem, const SolveOptions& options, const Until& deadline, const Solution& known)
      : problem_(problem),
        options_(options),
        start_(Clock::now()),
        deadline_(deadline),
        best_(known),
        order_(order_in_time(problem)),
        reducer_(reordered(problem, order_)) {
    if (options.below < kNever) below_ = static_cast<int64_t>(options.below);
    if (known.feasible) below_ = std::min<int64_t>(below_, static_cast<int64_t>(known.cost));
  }

  Solution run() {
    // Half of the time is for a choice: where there is little, the core must still be rounded.
    reducer_.run({start_ + (deadline_.at - start_) / 2, deadline_.stop});
    if (reducer_.infeasible()) {
      settle();
      return best_;
    }
    core_ = reducer_.core();
    CoreEffort effort = options_.thorough ? CoreEffort{} : kBounded;
    if (options_.thorough) effort.mip_share = options_.threads > 1 ? 0.6 : 0.3;
    CoreHooks hooks;
    hooks.stop = [this] { return stopped(); };
    hooks.deadline = [this] { return deadline_.at; };
    hooks.below = [this] { return below_.load(); };
    hooks.found = [this](const std::vector<int>& choice, int64_t cost) { offer(choice, cost); };
    hooks.bound = [this](int64_t bound) { raise(bound); };
    LargeNeighbourhood own(core_, options_.seed);
    hooks.search = [&] { return options_.thorough && (slice(own), !stopped()); };
    hooks.guide = [&](const ExactDual& dual) { guide(own, dual); };
    std::vector<std::thread> others;
    for (int k = 1; options_.thorough && k < options_.threads; ++k)
      others.emplace_back([this, k] { improve_on(k); });
    const CoreResult result = minimise_core(core_, effort, hooks);
    settled_ = settled_ || result.settled;
    for (auto& other : others) other.join();
    if (result.settled) settle();
    return best_;
  }

 private:
  bool stopped() const { return settled_ || deadline_.over(); }

  // Nothing is cheaper than what was found.
  void settle() {
    const std::scoped_lock lock(mutex_);
    if (best_.feasible)
      best_.lower_bound = best_.cost;
    else if (options_.below < kNever)
      best_.lower_bound = std::max<__int128>(best_.lower_bound, options_.below);
    else
      best_.proven_infeasible = true;
  }

  void offer(const std::vector<int>& choice, int64_t cost) {
    const std::scoped_lock lock(mutex_);
    if (cost >= below_) return;
    const std::vector<int> sorted = reducer_.expand(choice);
    std::vector<int> whole(sorted.size());
    for (size_t k = 0; k < sorted.size(); ++k) whole[order_[k]] = sorted[k];
    const auto exact = evaluate(problem_, whole);
    const int64_t peak = peak_usage(problem_, whole);
    if (!exact || *exact > cost || peak > problem_.usage_limit) return;
    core_choice_ = choice;
    core_cost_ = cost;
    best_.choice = std::move(whole), best_.cost = *exact, best_.feasible = true, best_.least_usage = peak;
    below_ = cost;
    tell();
    if (best_.lower_bound >= best_.cost) settled_ = true;
  }

  void raise(int64_t bound) {
    const std::scoped_lock lock(mutex_);
    const int64_t now = std::min(bound, below_.load());
    if (now <= best_.lower_bound) return;
    best_.lower_bound = now;
    tell();
    if (best_.feasible && best_.lower_bound >= best_.cost) settled_ = true;
  }

  void tell() {
    if (options_.progress)
      options_.progress(std::chrono::duration<double>(Clock::now() - start_).count(),
                        best_.feasible ? std::optional(best_.cost) : std::nullopt, best_.lower_bound);
  }

  // The best choice of the core, where it is one of the core's.
  bool take(std::vector<int>& choice, int64_t& cost) {
    const std::scoped_lock lock(mutex_);
    if (core_choice_.empty()) return false;
    if (core_cost_ < cost || choice.empty()) choice = core_choice_, cost = core_cost_;
    return true;
  }

  void guide(LargeNeighbourhood& own, const ExactDual& dual) {
    best_.prices.clear();
    for (size_t t = 0; t < core_.limit.size(); ++t)
      if (dual.prices()[t] > 0)
        best_.prices.emplace_back(reducer_.times()[t],
                                  std::ldexp(static_cast<double>(dual.prices()[t]), -dual.shift()));
    std::vector<int> choice;
    int64_t cost = kNever;
    if (!take(choice, cost)) return;
    std::vector<double> excess = dual.excess(choice);
    own.guide(excess);
    const std::scoped_lock lock(mutex_);
    excess_ = std::move(excess);
  }

  void step(LargeNeighbourhood& by, std::vector<int>& choice, int64_t& cost) {
    if (by.improve(
            choice, cost, [this] { return stopped(); }, deadline_.at)) {
      offer(choice, cost);
      by.remember(choice);
    }
  }

  void slice(LargeNeighbourhood& own) {
    std::vector<int> choice;
    int64_t cost = kNever;
    slice_ = std::min(2 * slice_, kSlice);
    for (int k = 0; k < slice_ && !stopped(); ++k)
      if (take(choice, cost)) step(own, choice, cost);
  }

  // Another thread: improves the best all the time.
  void improve_on(int number) {
    LargeNeighbourhood own(core_, options_.seed + static_cast<uint64_t>(number) * 7919);
    std::vector<int> choice;
    int64_t cost = kNever, known = kNever;
    while (!stopped()) {
      if (!take(choice, cost)) {
        std::this_thread::sleep_for(std::chrono::milliseconds(5));
        continue;
      }
      if (cost != known) {
        own.remember(choice);
        known = cost;
        const std::scoped_lock lock(mutex_);
        if (!excess_.empty()) own.guide(excess_);
      }
      step(own, choice, cost);
    }
  }

  const Problem& problem_;
  const SolveOptions& options_;
  const Clock::time_point start_;
  const Until deadline_;
  std::mutex mutex_;
  Solution best_;
  std::vector<int> core_choice_;
  int64_t core_cost_ = kNever;
  std::vector<double> excess_;
  int slice_ = 1;
  std::atomic<int64_t> below_ = kNever;
  std::atomic<bool> settled_ = false;
  const std::vector<int> order_;  // which node stands where in the reducer
  Reducer reducer_;
  Core core_;
};

}  // namespace

Solution search(const Problem& problem, const SolveOptions& options, const Until& deadline,
                const Solution& known) {
  return Search(problem, options, deadline, known).run();
}

}  // namespace cordata::planner
