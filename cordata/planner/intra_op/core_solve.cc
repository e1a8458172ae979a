// SPDX-License-Identifier: Apache-2.0
#include "cordata/planner/intra_op/core_solve.h"

#include <algorithm>
#include <cmath>

#include "cordata/planner/intra_op/core_choice.h"
#include "cordata/planner/intra_op/core_dual.h"
#include "cordata/planner/intra_op/core_mip.h"
#include "cordata/planner/intra_op/core_round.h"
#include "cordata/planner/intra_op/exact_dual.h"
#include "cordata/planner/intra_op/reduce.h"

namespace cordata::planner {
namespace {

using Clock = std::chrono::steady_clock;

constexpr int kProgramRound = 3;          // of the dual: what it can settle costs less so
constexpr size_t kSmallProgram = 30'000;  // columns of a program that is likely to settle it
constexpr size_t kTinyProgram = 5'000;    // and of one that costs no more than a round
constexpr double kShrinks = 0.9;          // of the columns: a core that keeps more is the same core

// Prices first move far, then, from round to round, less.
CoreDual::Plan plan_of(const CoreEffort& effort, int round, bool priced) {
  if (round == 0 && !priced) return {effort.steps, 3e-2, 3e-4};
  const double rate = 1e-2 * std::pow(0.3, std::min(round, 6));
  return {effort.steps / 2, rate, rate * 1e-2};
}

class Level {
 public:
  Level(const Core& core, const CoreEffort& effort, const CoreHooks& hooks, std::vector<double> prices,
        int round)
      : effort_(effort), hooks_(hooks), reducer_(core, {}), round_(round) {
    reducer_.run(hooks.deadline());
    if (reducer_.infeasible()) return;
    core_ = reducer_.core();
    unchanged_ = core_.nodes.size() == core.nodes.size() && core_.strategies() == core.strategies();
    for (const int64_t t : reducer_.times())
      if (!prices.empty()) prices_.push_back(prices[t]);
  }

  CoreResult run() {
    if (reducer_.infeasible()) return {true, kNever};
    if (core_.nodes.empty()) {
      offer({});
      return {true, core_.constant};
    }
    Rounder rounder(core_);
    near_ = neighbours_of(core_);
    std::optional<ExactDual> exact;
    do {
      if (rounds_ < effort_.rounds) {
        CoreDual dual(core_, plan_of(effort_, round_, !prices_.empty()));
        if (!prices_.empty()) dual.start_from(prices_);
        raise(dual, rounder);
        if (hooks_.stop()) break;
        dual.settle(4);
        prices_ = dual.prices();
        ++round_, ++rounds_;
        exact.emplace(core_, dual);
        concluded_ = INT64_MIN;
        if (unchanged_) hooks_.guide(*exact);
      }
      if (auto done = conclude(*exact)) return *done;
      if (hooks_.stop()) break;
    } while (hooks_.search() || rounds_ < effort_.rounds);
    return {false, bound_};
  }

 private:
  void offer(const std::vector<int>& choice) {
    const int64_t cost = cost_of(core_, choice);
    if (cost < hooks_.below()) hooks_.found(reducer_.expand(choice), cost);
  }

  void raise(CoreDual& dual, Rounder& rounder) {
    for (int k = 1; !dual.converged() && !hooks_.stop(); ++k) {
      dual.step();
      const int every = effort_.rounding * (rounds_ == 0 ? 1 : 4);
      if (k % every != 0) continue;
      const int turn = k / every;
      const double caution = turn % 3 == 0 ? 1 : turn % 3 == 1 ? 1.2 : 2;
      if (auto choice = rounder.round(dual, turn % 2 == 0, caution)) {
        descend(core_, near_, *choice);
        offer(*choice);
      }
      if (dual.bound() > static_cast<double>(hooks_.below())) break;
    }
  }

  void raise_bound(int64_t bound) {
    if (bound <= bound_) return;
    bound_ = bound;
    hooks_.bound(bound);
  }

  // What the bound and the best known say together. Nothing: they leave about as much as there was.
  std::optional<CoreResult> conclude(ExactDual& exact) {
    const int64_t below = hooks_.below();
    if (below == concluded_) return std::nullopt;
    concluded_ = below;
    exact.watch(below);
    exact.sweep(false);
    exact.sweep(true);
    raise_bound(exact.bound());
    if (bound_ >= below) return CoreResult{true, bound_};
    Core rest = core_;
    std::vector<std::vector<char>> allowed;
    const size_t before = mip_columns(core_);
    if (!never(below) && exact.filter(rest, allowed) > 0) {
      for (size_t n = 0; n < rest.nodes.size(); ++n)
        for (size_t s = 0; s < allowed[n].size(); ++s)
          if (!allowed[n][s]) rest.nodes[n].cost[s] = kNever;
      size_t after = mip_columns(rest);
      for (const auto& node : rest.nodes)
        after -= static_cast<size_t>(std::count_if(node.cost.begin(), node.cost.end(), never));
      if (static_cast<double>(after) < kShrinks * static_cast<double>(before)) return narrow(rest);
    }
    const int first = before <= kTinyProgram ? 1 : std::min(kProgramRound, effort_.rounds);
    if (rounds_ >= first && before <= effort_.mip_columns && programs_++ < effort_.programs)
      return program(exact, below);
    return std::nullopt;
  }

  CoreResult narrow(const Core& rest) {
    CoreHooks inner = hooks_;
    inner.found = [this](const std::vector<int>& choice, int64_t cost) {
      hooks_.found(reducer_.expand(choice), cost);
    };
    inner.guide = [](const ExactDual&) {};
    inner.bound = [this](int64_t bound) { raise_bound(std::min(bound, hooks_.below())); };
    CoreResult result = minimise_core(rest, effort_, inner, prices_, round_);
    raise_bound(std::min(result.bound, hooks_.below()));
    return {result.settled, bound_};
  }

  std::optional<CoreResult> program(const ExactDual& exact, int64_t below) {
    const auto now = Clock::now();
    const double share =
        mip_columns(core_) <= kSmallProgram ? std::max(0.9, effort_.mip_share) : effort_.mip_share;
    const auto until = now + std::chrono::duration_cast<Clock::duration>((hooks_.deadline() - now) * share);
    const MipResult result =
        minimise_by_mip(core_, exact, below, {until, effort_.mip_iterations, hooks_.stop});
    if (!result.choice.empty()) offer(result.choice);
    raise_bound(std::min(result.bound, hooks_.below()));
    if (!result.settled) return std::nullopt;
    return CoreResult{true, bound_};
  }

  const CoreEffort& effort_;
  const CoreHooks& hooks_;
  Reducer reducer_;
  Core core_;
  CoreNeighbours near_;
  std::vector<double> prices_;
  int round_, rounds_ = 0, programs_ = 0;
  bool unchanged_ = false;
  int64_t bound_ = -kNever, concluded_ = INT64_MIN;
};

}  // namespace

CoreResult minimise_core(const Core& core, const CoreEffort& effort, const CoreHooks& hooks,
                         std::vector<double> prices, int round) {
  return Level(core, effort, hooks, std::move(prices), round).run();
}

}  // namespace cordata::planner
