// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <nlohmann/json.hpp>
#include <optional>
#include <string>

#include "cordata/plan/plan.h"
#include "cordata/planner/planner.h"
#include "cordata/step/train_step.h"

namespace cordata::cli {

// One finished plan in a folder that is kept between runs, a file of its own named by the hash of all that
// the plan depends on: the step, the cluster, the planner's options but the time limit, and this executable.
// It holds that key and the plan's own hash too, so that nothing damaged is taken for a plan.
class PlanCache {
 public:
  PlanCache(const std::string& folder, const step::TrainStep& step, const cluster::Cluster& cluster,
            const planner::PlannerOptions& options);

  // Says on stderr where the plan is from. Nothing where there is none, or a damaged one, which is said too.
  std::optional<plan::Plan> read() const;
  // A cache that can't be written is said on stderr, and no error.
  void write(const plan::Plan& plan) const;

 private:
  std::string folder_, file_;
  nlohmann::json key_;
};

}  // namespace cordata::cli
