// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <span>
#include <vector>

#include "cordata/ir/graph.h"

namespace cordata::ir {

// Reverse-mode derivative. `loss_fn`'s first result must be a scalar float. Gives a graph with the same
// arguments and results [all of loss_fn's results..., d loss / d args[i] for i in wrt]. Uses the op table's
// VJPs; throws a user error that names the op when a gradient must pass through one that has none. An
// argument the loss doesn't depend on gets zeros.
Graph gradient(const Graph& loss_fn, std::span<const int> wrt);

}  // namespace cordata::ir
