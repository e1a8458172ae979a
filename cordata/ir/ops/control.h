// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>

#include "cordata/ir/op_table.h"

namespace cordata::ir::ops {

// How often a while loop runs, where that can be read off: it counts a carried integer from a constant up to
// a constant (or to a carried value that never changes) by a constant.
std::optional<int64_t> trip_count(const Graph& graph, const Node& loop);

// A loop is cut along dims of what it carries that every op inside passes on.
FactorRule while_rule(const OpView& v);
std::vector<ValueId> localize_while(LocalizeView& v);

}  // namespace cordata::ir::ops
