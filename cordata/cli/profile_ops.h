// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "cordata/cost/op_profile.h"

namespace cordata::cli {

// An op that a profile is to have, as a module of that op alone.
struct OpCase {
  std::string form, sizes;  // as cost::ProfiledOp has them
  ir::DType dtype;
  ir::Graph module;
};

// The ops of train steps that a profile can hold, whole and as up to `devices` devices share them (each power
// of two, in all ways), each once: for 1, 2, 4 and 8 microbatches where there are such.
std::vector<OpCase> ops_to_profile(const std::vector<std::string>& models, int devices);

}  // namespace cordata::cli
