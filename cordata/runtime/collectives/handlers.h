// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "cordata/runtime/collectives/tensor_collectives.h"
#include "cordata/runtime/pjrt/client.h"

namespace cordata::runtime {

// The communicators that a rank's modules name by index (null where the rank is no member). Handed to
// executions by ExecuteOptions::context, so several ranks may live in one process.
struct CollectiveContext {
  explicit CollectiveContext(HeldBytes& held) : scratch(held) {}

  std::vector<std::unique_ptr<Communicator>> communicators;
  Scratch scratch;
};

// Registers the custom calls cordata.all_reduce, all_gather, reduce_scatter, all_to_all, permute with a
// plugin (once per plugin). Each takes (tensor, token) and gives (tensor, token), api_version = 4, with
// attributes in backend_config: `comm` i64; `reduce` string (all_reduce, reduce_scatter); `dim` i64
// (all_gather, reduce_scatter); `split_dim`, `concat_dim` i64 (all_to_all); `pairs` array of i64, flat,
// source and target in turn, in the communicator's ranks (permute). An all_reduce whose result aliases its
// operand (output_operand_aliases) copies nothing. Gives the type id for ExecuteContext. Tokens order the
// calls, tried with API 0.115. A module that holds such calls must always be run with a context: the plugin
// itself crashes when a handler asks for one that isn't there.
int64_t register_collectives(const Plugin& plugin);

}  // namespace cordata::runtime
