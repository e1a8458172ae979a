// SPDX-License-Identifier: Apache-2.0
#include "cordata/base/error.h"
#include "cordata/plan/plan.h"

namespace cordata::plan {
namespace {

void check_layers(const step::JointStep& joint, const Plan& plan) {
  if (plan.layers.size() != joint.graph.ops().size())
    throw base::user_error(
        "[plan] layer_of_op: wanted {} ops, as this model has, got {}; was the plan made for another model?",
        joint.graph.ops().size(), plan.layers.size());
  for (const int l : plan.layers)
    if (l < -1 || l >= plan.num_layers)
      throw base::user_error("[plan] layer_of_op: wanted -1 to {}, got {}", plan.num_layers - 1, l);
  if (!plan.remat.empty() && plan.remat.size() != static_cast<size_t>(plan.num_layers))
    throw base::user_error("[plan] remat: wanted {} words, one for each layer, or no such key, got {}",
                           plan.num_layers, plan.remat.size());
}

}  // namespace

step::RematStep planned_step(const step::JointStep& joint, const Plan& plan) {
  check_layers(joint, plan);
  return step::rematerialise(joint, plan.layers, plan.remat);
}

step::RematStep planned_step(const step::TrainStep& step, const Plan& plan) {
  return planned_step(step::build_joint(step, plan.microbatches), plan);
}

step::Cut planned_cut(const step::RematStep& planned, const Plan& plan) {
  return step::cut(planned.joint, planned.layers, plan.stage_of_layer());
}

}  // namespace cordata::plan
