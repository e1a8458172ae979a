// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "cordata/plan/plan.h"
#include "cordata/program/program.h"
#include "cordata/step/train_step.h"

namespace cordata::cli {

// What is to be different: FIELD=VALUE each, a field of the cluster's file or one of the step's
// (microbatches, schedule, remat).
struct Changes {
  // Throws a user error that names the nearest field, or what its value must be.
  Changes(const std::vector<std::string>& words, const plan::Plan& plan);

  struct One {
    std::string field, from, to;
  };
  std::vector<One> all;  // as they were asked for, fields by their whole names
  cluster::Cluster cluster;
  std::optional<int> microbatches;
  std::optional<std::string> schedule;
  std::optional<step::Remat> remat;
  bool other_devices = false;  // there are more or fewer of them: a plan can't be kept
  bool of_step() const { return microbatches || schedule || remat; }  // its program is another one
};

// The plan as it is, under the changes: the same stages, meshes and shardings. Throws a user error where that
// can't be.
plan::Plan changed_plan(const plan::Plan& plan, const step::TrainStep& step, const Changes& changes);

// A plan as the simulator sees it.
struct Costed {
  plan::Plan plan;
  base::Seconds step{0};
  base::Bytes peak_memory{0};
  // What the step waits for: the share of it that would go if that had no limit, the largest first.
  struct Bound {
    std::string what;
    double share = 0;
  };
  std::optional<std::vector<Bound>> binds;  // nothing: it was not looked at
  bool fits() const { return peak_memory <= plan.cluster.device.memory; }
};
// `program`: the plan's (program_of). What binds takes a simulation for each resource, so it is looked at
// where those are quick, or `always`.
Costed cost_plan(const plan::Plan& plan, const program::Program& program, bool always);

}  // namespace cordata::cli
