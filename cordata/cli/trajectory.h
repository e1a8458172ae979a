// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <vector>

namespace cordata::cli {

// What a solver knew at a time: the cost of its best solution, and its bound.
struct Progress {
  double seconds = 0;
  std::optional<double> cost, bound;
};

// "seconds,cost,bound" a line.
std::string trajectory_csv(const std::vector<Progress>& log);
// Cost and bound over time, from what is known of both on.
std::string trajectory_svg(const std::vector<Progress>& log, const std::string& title);

}  // namespace cordata::cli
