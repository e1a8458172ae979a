// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <string>
#include <vector>

#include "cordata/plan/plan.h"

namespace cordata::partition {

enum class CollectiveMode : uint8_t {
  kNative,      // stablehlo collectives over replica groups: accelerators, and several devices in one process
  kCustomCall,  // cordata.* custom calls over MPI communicators, chained by a token: CPU ranks
};

// What passes in or out of a module: a value of the stage's graph, in a sharding.
struct PortRef {
  enum class Kind : uint8_t {
    kValue,        // a value of the stage's graph (argument, residual, accumulator's sum, result)
    kAccumulator,  // the running sum of accumulate op `value` (its result value): donated in, new sum out
    kDeviceIndex,  // a scalar i32: which device of the mesh this is (kCustomCall only)
  };
  Kind kind = Kind::kValue;
  int value = -1;  // ValueId::index in the stage's graph
  sharding::Sharding sharding;
  ir::Type local;  // the type one device holds
};

// One program that every device of a stage runs alike.
struct Module {
  std::string name;                // "step", "grad", "forward", "backward", "apply0", ...
  std::vector<step::Pass> passes;  // which passes of the stage it holds, in order
  ir::Graph graph;  // local shapes; collectives included; donation as tf.aliasing_output on arguments
  std::vector<PortRef> args, results;
  std::vector<int> alias;  // by argument: the result that takes over its buffer, or -1
};

// Passes map to modules: one stage, one microbatch: `step`; one stage, several: `grad`, `apply0`; several
// stages: `forward`, `backward` (which adds to the accumulators), `apply0`, `apply1`, .... Accumulators
// are zero before the first microbatch.
struct StageModules {
  std::vector<Module> modules;
  std::vector<uint32_t>
      axes_sets;  // communicators that custom calls refer to by index: `comm = first_comm + k`
};

// first_comm: the global number of this stage's first communicator. Throws an internal error where a reshard
// is impossible.
StageModules partition_stage(const step::StageGraph& stage, const plan::StageSharding& sharding,
                             const sharding::Mesh& mesh, int microbatches, bool single_stage,
                             CollectiveMode mode, int first_comm = 0);

}  // namespace cordata::partition
