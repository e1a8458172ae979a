// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <optional>
#include <ostream>
#include <string>
#include <vector>

#include "cordata/plan/plan.h"
#include "cordata/step/train_step.h"
#include "tests/planner/dominant.h"

namespace cordata::tests {

// A cluster and a model that differ from their neighbours in one number.
struct Point {
  cluster::Cluster cluster;
  std::string model;
  int microbatches = 0;  // 0: planners choose
};

// Devices of 1 TFLOP/s that start an op in 1 us; links as asked, in bytes per second.
cluster::Cluster devices(int hosts, int per_host, double bandwidth, double memory = 16e9);

// Points along one number, at one end of which one kind of plan is best, at the other end another.
struct Family {
  const char* name;
  Parallelism first, last;
  std::vector<double> values;
  Point (*at)(double value);
};
inline void PrintTo(const Family& family, std::ostream* out) { *out << family.name; }
const std::vector<Family>& families();

// What a planner found at a point.
struct Found {
  std::string planner;
  double seconds = 0;
  Parallelism kind = Parallelism::kNone;
};
// Nothing where the planner has no plan that fits, or refuses the number of devices.
std::optional<Found> ask(const std::string& planner, const Point& point);
// The planners that `auto` is measured with: all others, the pipeline with several options.
std::vector<std::string> others(const Point& point);

}  // namespace cordata::tests
