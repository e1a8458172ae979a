// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "cordata/plan/plan.h"

namespace cordata::planner {

// Planners for a module that is no train step (step::module_cut):
//   auto    least predicted time: small modules stay whole, as moving their bytes costs more than computing
//   them everywhere single  every device runs everything data    each op splits the first dim of its results
//   where the devices divide it, and nothing else tensor  each op splits as much as it can
std::vector<std::string> module_planner_names();

// How all devices of a cluster run the module together, as one stage. Throws a user error for another name.
plan::Plan plan_module(const step::Cut& module, const cluster::Cluster& cluster, const std::string& name);

// Ops of the plan's only stage that are split over devices.
int num_sharded_ops(const plan::Plan& plan);

}  // namespace cordata::planner
