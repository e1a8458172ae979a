// SPDX-License-Identifier: Apache-2.0
#include "cordata/planner/intra_op/minimise.h"

#include <algorithm>
#include <optional>

#include "cordata/planner/intra_op/dual_bound.h"

namespace cordata::planner {
namespace {

constexpr double kExactBits = 21;  // log2 of the table entries of an elimination that takes some milliseconds
constexpr int kSweeps = 160;
constexpr int kMargins = 24;
constexpr double kQuickBits = 13;
constexpr int kQuickSweeps = 24;

std::vector<std::vector<Wide>> own_costs(const Problem& problem) {
  std::vector<std::vector<Wide>> out;
  for (const auto& n : problem.nodes) {
    out.emplace_back();
    for (const int64_t c : n.cost) out.back().push_back(c == kInfinite ? kWideInfinite : Wide{c});
  }
  return out;
}

Least nothing(int64_t below) { return {{}, below, below}; }

// Solves a core whole, if it is small; nothing when not.
std::optional<Least> eliminate_small(const Problem& core, int64_t below, const Until& deadline,
                                     double most_bits = kExactBits) {
  if (core.nodes.empty()) return below > 0 ? Least{{}, 0, 0} : nothing(below);
  double bits = 0;
  const auto order = elimination_order(core, &bits);
  if (bits > most_bits) return std::nullopt;
  Elimination found = eliminate(core, order, own_costs(core), 1, size_t{1} << 40, deadline);
  if (!found.finished) return std::nullopt;
  if (found.bound >= below) return nothing(below);
  const auto cost = static_cast<int64_t>(found.bound);
  return Least{std::move(found.choice), cost, cost};
}

int64_t plus(int64_t a, int64_t b) { return a == kInfinite ? kInfinite : a + b; }

// Puts a core's answer back into the problem that it was made of.
Least expand(const Simplifier& simple, Least inner, int64_t below) {
  inner.bound = plus(inner.bound, simple.constant());
  inner.cost = plus(inner.cost, simple.constant());
  if (inner.cost < below) inner.choice = simple.expand(inner.choice);
  return inner;
}

Allowed within(const std::vector<std::vector<int64_t>>& least_with, int64_t limit) {
  Allowed out;
  for (const auto& costs : least_with) {
    out.emplace_back();
    for (const int64_t c : costs) out.back().push_back(c < limit);
  }
  return out;
}

size_t count(const Allowed& allowed) {
  size_t n = 0;
  for (const auto& a : allowed) n += static_cast<size_t>(std::count(a.begin(), a.end(), 1));
  return n;
}

// One core that is too large to be eliminated.
class Narrowing {
 public:
  Narrowing(const Problem& core, int64_t below, const Until& deadline)
      : core_(core), below_(below), deadline_(deadline), dual_(core) {}

  Least run() {
    dual_.run(kSweeps, below_, deadline_);
    best_ = {{}, below_, std::min(dual_.bound(), below_)};
    if (dual_.cost() < below_) best_.choice = dual_.choice(), best_.cost = dual_.cost();
    if (settled()) return best_;
    least_with_ = dual_.least_with();
    int64_t margin = best_.cost == kInfinite ? 1 + std::abs(best_.bound) / 8 : best_.cost - dual_.bound();
    for (int k = 0; k < kMargins && margin > 0 && !settled() && !deadline_.over(); ++k)
      margin = try_margin(margin) ? best_.cost - dual_.bound() : margin / 2;
    if (!settled()) go_on();
    return best_;
  }

 private:
  bool settled() const { return best_.bound >= best_.cost; }

  // Solves for the strategies within `margin` of the bound. True when that found a better choice.
  bool try_margin(int64_t margin) {
    const int64_t limit = dual_.bound() + margin;
    if (limit <= best_.bound) return false;  // known
    const Simplifier simple(core_, within(least_with_, limit));
    const bool none = simple.infeasible();
    const auto inner = none ? nothing(best_.cost)
                            : eliminate_small(simple.core(), plus(best_.cost, -simple.constant()), deadline_);
    if (!inner) return false;
    const bool better = !none && inner->cost + simple.constant() < best_.cost;
    if (better) best_ = {simple.expand(inner->choice), inner->cost + simple.constant(), best_.bound};
    best_.bound =
        std::max(best_.bound, std::min(best_.cost, limit));  // what isn't within the margin costs more
    return better;
  }

  // Strategies that are in nothing cheaper than the best go; what is left is a smaller problem of the same
  // kind.
  void go_on() {
    const Allowed left = within(least_with_, best_.cost);
    size_t before = 0;
    for (const auto& n : core_.nodes) before += n.cost.size();
    if (count(left) > before - before / 8) return;
    Least rest = minimise(core_, left, best_.cost, deadline_);
    if (rest.cost < best_.cost) best_.choice = std::move(rest.choice), best_.cost = rest.cost;
    best_.bound = std::max(best_.bound, rest.bound);
  }

  const Problem& core_;
  int64_t below_;
  Until deadline_;
  DualBound dual_;
  std::vector<std::vector<int64_t>> least_with_;
  Least best_;
};

}  // namespace

Least minimise(const Problem& problem, const Allowed& allowed, int64_t below, const Until& deadline) {
  const Simplifier simple(problem, allowed);
  if (simple.infeasible()) return nothing(below);
  const Problem core = simple.core();
  const int64_t core_below = plus(below, -simple.constant());
  auto inner = eliminate_small(core, core_below, deadline);
  if (!inner) inner = Narrowing(core, core_below, deadline).run();
  return expand(simple, std::move(*inner), below);
}

int64_t quick_bound(const Problem& problem) {
  const Simplifier simple(problem);
  if (simple.infeasible()) return kInfinite;
  const Problem core = simple.core();
  if (const auto small = eliminate_small(core, kInfinite, Clock::time_point::max(), kQuickBits))
    return plus(small->bound, simple.constant());
  DualBound dual(core);
  dual.run(kQuickSweeps, kInfinite);
  return plus(dual.bound(), simple.constant());
}

}  // namespace cordata::planner
