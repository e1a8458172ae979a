// SPDX-License-Identifier: Apache-2.0
#include "cordata/planner/intra_op/solve.h"

#include <algorithm>
#include <limits>

#include "cordata/base/error.h"
#include "cordata/planner/intra_op/branch_and_bound.h"
#include "cordata/planner/intra_op/limited.h"
#include "cordata/planner/intra_op/minimise.h"
#include "cordata/planner/intra_op/search.h"

namespace cordata::planner {
namespace {

constexpr double kSearchedBits =
    14;  // log2 of the tables of problems that are branched on where costs are large

// Of a problem that a thorough search tries first as the planner would: nodes, and entries of edges; and for
// which part of its time, if that is a second or more.
constexpr size_t kQuickNodes = 35'000, kQuickPairs = 4'000'000;
constexpr double kQuickPart = 0.2, kQuickSeconds = 3, kQuickLeast = 1;

constexpr auto kGrace = std::chrono::milliseconds(300);  // for the least excess where nothing fits

void check(const Problem& problem) {
  int count = static_cast<int>(problem.nodes.size());
  for (int n = 0; n < count; ++n) {
    const auto& node = problem.nodes[n];
    if (node.cost.empty())
      throw base::user_error("[planner.intra_op] wanted a strategy for node {}, got none", n);
    if (!node.usage.empty() && node.usage.size() != node.cost.size())
      throw base::user_error("[planner.intra_op] node {}: wanted {} usages, got {}", n, node.cost.size(),
                             node.usage.size());
    for (int64_t u : node.usage)
      if (u < 0)
        throw base::user_error("[planner.intra_op] node {}: wanted usages of 0 or more, got {}", n, u);
  }
  for (size_t i = 0; i < problem.edges.size(); ++i) {
    const auto& e = problem.edges[i];
    if (e.u < 0 || e.v < 0 || e.u >= count || e.v >= count)
      throw base::user_error("[planner.intra_op] edge {}: wanted nodes below {}, got {} and {}", i, count,
                             e.u, e.v);
    size_t want = problem.nodes[e.u].cost.size() * problem.nodes[e.v].cost.size();
    if (e.cost.size() != want)
      throw base::user_error("[planner.intra_op] edge {}: wanted {} costs, got {}", i, want, e.cost.size());
  }
}

// The optimum without memory, if it happens to fit: often so, and far cheaper to find.
std::optional<Solution> solve_without_memory(const Problem& problem, const SolveOptions& options,
                                             const Until& deadline) {
  const int64_t below = options.below >= kInfinite ? kInfinite : static_cast<int64_t>(options.below);
  Least least = minimise(problem, {}, below, deadline);
  Solution out;
  out.lower_bound = least.bound;
  out.proven_infeasible = least.bound == kInfinite;
  if (least.bound >= below) return out;
  if (least.choice.empty() || peak_usage(problem, least.choice) > problem.usage_limit) return std::nullopt;
  out.least_usage = peak_usage(problem, least.choice);
  out.choice = std::move(least.choice), out.cost = least.cost, out.feasible = true;
  return out;
}

// With costs rounded down by some bits: the choice is near the best, the bound holds.
Solution solve_coarsely(const Problem& problem, SolveOptions options, int bits) {
  if (options.below < (__int128{1} << 120)) options.below = (options.below >> bits) + 1;
  Solution found = solve(coarser(problem, bits), options);
  found.lower_bound <<= bits;
  if (found.feasible) found.cost = *evaluate(problem, found.choice);
  return found;
}

bool settled(const Solution& found, const SolveOptions& options) {
  return found.optimal() || found.proven_infeasible || found.lower_bound >= options.below;
}

// What a stage's problem needs: exact where it can be had in little time, and the same every time.
Solution solve_quickly(const Problem& problem, const SolveOptions& options, const Until& deadline) {
  auto found = solve_without_memory(problem, options, deadline);
  if (!found) found = minimise_limited(problem, options, deadline);
  return settled(*found, options) || !options.closely ? *found : search(problem, options, deadline, *found);
}

size_t pairs(const Problem& problem) {
  size_t sum = 0;
  for (const auto& e : problem.edges) sum += e.cost.size();
  return sum;
}

Solution solve_thoroughly(const Problem& problem, const SolveOptions& options, const Until& deadline) {
  Solution found;
  found.lower_bound = -kNever;
  if (options.seconds * kQuickPart >= kQuickLeast && problem.nodes.size() <= kQuickNodes &&
      pairs(problem) <= kQuickPairs) {
    SolveOptions quick = options;
    quick.thorough = false;
    quick.seconds = std::min(quick.seconds * kQuickPart, kQuickSeconds);
    const auto part =
        std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>(quick.seconds));
    found = solve_quickly(problem, quick, {Clock::now() + part, options.stop});
  }
  return settled(found, options) ? found : search(problem, options, deadline, found);
}

}  // namespace

Solution solve(const Problem& problem, const SolveOptions& options) {
  check(problem);
  if (problem.nodes.empty()) {
    Solution nothing;
    nothing.feasible = true;
    return nothing;
  }
  if (const int bits = bits_too_many(problem); bits > 0) {
    if (elimination_bits(problem) <= kSearchedBits)
      return branch_and_bound(problem, options, std::numeric_limits<int>::max());
    return solve_coarsely(problem, options, bits);
  }
  const Until deadline(Clock::now() + std::chrono::duration_cast<Clock::duration>(
                                          std::chrono::duration<double>(std::min(options.seconds, 1e8))),
                       options.stop);
  const bool hopeless = usage_floor(problem) > problem.usage_limit;
  Solution found;
  found.proven_infeasible = hopeless;
  if (!options.thorough) return hopeless ? found : solve_quickly(problem, options, deadline);
  if (!hopeless) found = solve_thoroughly(problem, options, deadline);
  if (found.feasible || found.lower_bound >= options.below) return found;
  // The least excess, or what fits after all.
  const auto grace = (deadline.over() ? Clock::now() : deadline.at) + kGrace;
  LeastUsage least = least_usage(problem, std::nullopt, {grace, deadline.over() ? nullptr : options.stop});
  found.choice = std::move(least.choice), found.least_usage = least.peak;
  const auto cost = found.choice.empty() ? std::nullopt : evaluate(problem, found.choice);
  if (cost && *cost < options.below && least.peak <= problem.usage_limit)
    found.feasible = true, found.cost = *cost;
  return found;
}

}  // namespace cordata::planner
