// SPDX-License-Identifier: Apache-2.0
#include "cordata/cli/plan_file.h"

#include "cordata/base/error.h"
#include "cordata/cli/model_source.h"
#include "cordata/step/joint.h"

namespace cordata::cli {

void check_is_for(const plan::Plan& plan, const step::TrainStep& step, const std::string& spec) {
  const uint64_t hash = step::model_hash(step);
  if (hash != plan.model_hash)
    throw base::user_error(
        "[cli] wanted a plan for {} (model_hash {:016x}), got one for {} ({:016x}); plan again, or name the "
        "model it is for",
        spec, hash, plan.model, plan.model_hash);
}

PlanFile read_plan_file(const std::string& path, const std::string& spec, std::string_view verb) {
  PlanFile file{plan::read_plan(path), {}};
  const std::string& model = spec.empty() ? file.plan.model : spec;
  file.step = load_step(model, verb);
  check_is_for(file.plan, file.step, model);
  return file;
}

}  // namespace cordata::cli
