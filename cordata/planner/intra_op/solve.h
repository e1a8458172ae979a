// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <functional>
#include <optional>
#include <vector>

#include "cordata/planner/intra_op/problem.h"

namespace cordata::planner {

struct SolveOptions {
  double seconds = 1e9;  // of wall time
  int threads = 1;
  bool closely = true;  // what gap memory leaves is closed as far as a bounded search can; else it stays
  __int128 below =
      __int128{1}
      << 124;             // choices that cost as much are not wanted: without a cheaper one, none is feasible
  bool thorough = false;  // searches on until nothing cheaper is left or the time is over, whatever the size
  uint64_t seed = 1;
  const std::atomic<bool>* stop = nullptr;  // ends a thorough search, as its time does
  // Of a thorough search, whenever one of them gets better; by one thread at a time.
  std::function<void(double seconds, std::optional<__int128> cost, __int128 bound)> progress;
};

struct Solution {
  std::vector<int> choice;  // strategy of every node; empty when none was found. Where none that fits was, a
                            // thorough search gives the one of the least peak usage that it knows.
  __int128 cost = 0;
  __int128 lower_bound = 0;        // valid whatever happened; equal to cost when proven optimal
  bool feasible = false;           // choice obeys the limit and takes no infinite cost
  bool proven_infeasible = false;  // nothing at all is feasible (not only nothing below)
  // The least peak usage that some choice reaches, as far as it was looked for (0: it was not).
  int64_t least_usage = 0;
  // Of a thorough search: the prices of usage by time that its bound rests on, in cost a unit.
  std::vector<std::pair<int64_t, double>> prices;
  bool optimal() const { return feasible && cost == lower_bound; }
  double gap() const {
    return cost > 0 ? static_cast<double>(cost - lower_bound) / static_cast<double>(cost) : 0;
  }
};

Solution solve(const Problem& problem, const SolveOptions& options = {});

// The objective of a choice; nullopt where it takes an infinite cost. Exact, in 128 bits. And its peak usage.
std::optional<__int128> evaluate(const Problem& problem, const std::vector<int>& choice);
int64_t peak_usage(const Problem& problem, const std::vector<int>& choice);

}  // namespace cordata::planner
