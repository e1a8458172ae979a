// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "cordata/program/program.h"

namespace cordata::program {

struct ModuleProgram {
  Program program;            // its setup lists run the module once; there is no step
  std::vector<Slot> results;  // by result of the module: where every rank then has it, whole
};

// A module that is no train step (step::module_cut), run by all ranks of the plan's only stage together.
ModuleProgram lower_module(const step::Cut& module, const plan::Plan& plan, partition::CollectiveMode mode);

}  // namespace cordata::program
