// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <vector>

#include "cordata/ir/graph.h"
#include "cordata/sharding/reshard.h"

namespace cordata::program {

// A collective in a module: a custom call (docs/collectives.md) or StableHLO's own.
struct CollectiveCall {
  sharding::CollectiveKind kind;
  int comm = -1;      // -1: StableHLO's own, of all devices
  int64_t bytes = 0;  // of its tensor operand: what a device hands to the call
  ir::NodeId node;
  // Of a custom call: bytes that a rank packs what it sends into, and unpacks what it got from, where blocks
  // don't lie in one piece (runtime/collectives); kept for the next call.
  int64_t packed = 0, received = 0;
};

// In the order a run issues them (they hang on one token), those of a loop's body once.
std::vector<CollectiveCall> collective_calls(const ir::Graph& graph);

}  // namespace cordata::program
