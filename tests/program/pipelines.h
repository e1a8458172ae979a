// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "cordata/program/program.h"

namespace cordata::tests {

struct PipelineOptions {
  std::vector<int> ranks_of_stage = {
      1, 1};  // 1, 2 or 4 (a 2x2 mesh with a communicator for rows and one for columns)
  int microbatches = 4;
  std::string schedule = "1f1b";
  bool native = false;  // collectives of whole stages, not of numbered communicators
  bool norm = true;     // stages exchange a scalar between two applies, as a global norm does
  int64_t rows = 8;     // of the activation that passes between stages; sharded over a stage's ranks
};

// A training step's lists as program::lower makes them, but without texts: residents, zeroed accumulators,
// tiles of activations and gradients between stages, applies with donation, new values moved in place, the
// loss sent to rank 0, FREEs after last uses.
program::Program make_pipeline(const PipelineOptions& options);

}  // namespace cordata::tests
