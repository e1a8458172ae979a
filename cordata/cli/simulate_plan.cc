// SPDX-License-Identifier: Apache-2.0
#include "cordata/cli/simulate_plan.h"

#include "cordata/base/error.h"
#include "cordata/step/joint.h"

namespace cordata::cli {

program::Program program_of(const plan::Plan& plan, const step::TrainStep& step) {
  const auto planned = plan::planned_step(step, plan);
  plan::validate(plan, planned);
  auto program = program::lower(planned, step, plan, partition::CollectiveMode::kCustomCall);
  if (const auto wrong = program::check(program); !wrong.empty())
    throw base::internal_error("[cli] the plan's program can't run: {}", wrong);
  return program;
}

simulate::SimulationResult simulate_plan(const plan::Plan& plan, const step::TrainStep& step, int steps) {
  simulate::SimulationOptions options;
  options.steps = steps;
  return simulate::simulate(program_of(plan, step), plan.cluster, options);
}

}  // namespace cordata::cli
