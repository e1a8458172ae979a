// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "cordata/partition/stage_view.h"

namespace cordata::partition {

// What a module holds and what crosses its border, settled before anything is emitted.
struct ModulePlan {
  std::string name;
  std::vector<step::Pass> passes;
  bool accumulates =
      true;  // false: the one microbatch is the whole step, and accumulate ops are the identity
  std::vector<PortRef> args, results;
  std::vector<int> alias;  // by argument
};

std::vector<ModulePlan> plan_modules(const step::StageGraph& stage, const plan::StageSharding& sharding,
                                     const StageView& view, int microbatches, bool single_stage);

}  // namespace cordata::partition
