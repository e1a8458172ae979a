// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "cordata/planner/stage_solver.h"

namespace cordata::planner {

// A step with too many stages to solve each.
struct LargeStep {
  const step::TrainStep& step;
  const cluster::Cluster& cluster;
  std::function<StageProblem(int layers, int microbatches)> cuttings;  // those that are asked for
  double limit;                                                        // bytes of a device; 0: what each has
  const PlannerOptions& options;
  std::string schedule;
  const std::vector<Fix>& fixes;
  StageSolver::Cache& cache;
  PlannerLog& log;
  std::vector<int> devices;           // numbers of devices that plans may use
  std::function<double(int)> weight;  // what a second on that many counts
  const step::JointStep& first;       // with as many microbatches as are looked at first
};

// Of so many numbers of microbatches, ascending, the one that is looked at first: small microbatches fit.
size_t first_looked_at(size_t counts);

// Its plan: stages are estimated from their layers (LayerCosts), each with every way to compute values again,
// and only those of the cuttings that are best by estimates are solved. Numbers of microbatches are looked at
// from the middle of `counts` (ascending) on, as long as it gets better. `least`: what is proven, in seconds.
// Throws ErrorKind::kInfeasible where nothing fits, as far as was seen, and TimeIsOver where the time was
// over before there was any plan.
plan::Plan plan_large(const LargeStep& in, const std::vector<int>& counts, double* least);

}  // namespace cordata::planner
