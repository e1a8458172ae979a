// SPDX-License-Identifier: Apache-2.0
#include "cordata/step/module_cut.h"

#include "cordata/base/error.h"

namespace cordata::step {

Cut module_cut(ir::Graph module) {
  if (!module.args().empty())
    throw base::user_error(
        "[step.module_cut] wanted a module that carries its inputs, got one with {} arguments",
        module.args().size());
  StageGraph stage;
  stage.pass.resize(module.ops().size());
  for (size_t i = 0; i < module.ops().size(); ++i) stage.origin.push_back(static_cast<int>(i));
  for (size_t i = 0; i < module.results().size(); ++i)
    stage.results.push_back({ResultKind::kLoss, static_cast<int>(i)});
  stage.graph = std::move(module);
  Cut cut;
  cut.stages.push_back(std::move(stage));
  return cut;
}

}  // namespace cordata::step
