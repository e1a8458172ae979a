// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <span>
#include <vector>

#include "cordata/partition/collectives.h"

namespace cordata::partition {

// Emits one device's share of an op under a strategy. `operands` are local values in the shardings the
// strategy asks for; `outer` maps values of `graph` that the op's regions read to whole values of the
// builder. Returns the local results.
std::vector<ir::ValueId> emit_local(ir::GraphBuilder& builder, Collectives& collectives,
                                    const ir::Graph& graph, const ir::Node& node, const ir::FactorRule& rule,
                                    const sharding::Strategy& strategy, const sharding::Mesh& mesh,
                                    std::span<const ir::ValueId> operands, std::vector<ir::ValueId>& outer);

}  // namespace cordata::partition
