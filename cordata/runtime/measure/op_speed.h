// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <optional>

#include "cordata/base/units.h"
#include "cordata/ir/graph.h"
#include "cordata/runtime/pjrt/client.h"

namespace cordata::runtime {

// How a module of one op is timed: for about so long, over so many bytes of arguments in turn, that no cache
// holds them all, though no more than so many sets of them.
struct OpEffort {
  base::Seconds each{0.02};
  base::Bytes rotated{64 << 20};
  int most_sets = 16;
  std::function<void()>
      ready;  // called when a module is compiled: ranks that measure together start together
};

// What any run of a module takes besides its ops.
base::Seconds measure_run(const Client& client, const OpEffort& effort);

// What running a module takes in the mean, which many ops of a step come to; `besides` not counted. Nothing
// where the plugin can't compile it. Arguments are halves; integers are 0.
std::optional<base::Seconds> measure_op(const Client& client, const ir::Graph& module, base::Seconds besides,
                                        const OpEffort& effort);

}  // namespace cordata::runtime
