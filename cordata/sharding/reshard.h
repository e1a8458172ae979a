// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <vector>

#include "cordata/base/units.h"
#include "cordata/sharding/sharding.h"

namespace cordata::sharding {

enum class CollectiveKind : uint8_t {
  kAllReduce,      // partial -> replicated
  kReduceScatter,  // partial -> dim
  kAllGather,      // dim -> replicated
  kAllToAll,       // dim -> another dim
  kPermute,        // blocks move between devices (an axis changes its place among the axes of a dim, ...)
  kSlice,          // replicated -> dim; local
  kPartialize,     // replicated -> partial add: all but the first device of the axis put zeros; local
};

// One step of a reshard. `bytes` is what each device hands to the call: the local tensor *before* the step
// (all-reduce, reduce-scatter, all-to-all, permute: all of it; all-gather: its shard). Local steps have 0.
struct ReshardStep {
  CollectiveKind kind;
  uint32_t axes = 0;  // bit set
  int dim = -1;       // sharded by the step's result (reduce-scatter, slice, all-to-all) or gathered (all-gather)
  int from_dim = -1;  // all-to-all: the dim that was sharded before
  ir::ReduceKind reduce = ir::ReduceKind::kAdd;
  Sharding after;
  base::Bytes bytes{0};
  base::Seconds seconds{0};  // by the mesh's links
};

bool is_local(CollectiveKind kind);
std::string_view name(CollectiveKind kind);  // "all-reduce"

// Seconds of one collective over `axes` of a mesh, by ring algorithms (docs/collectives.md): n is `bytes` as above.
base::Seconds collective_seconds(CollectiveKind kind, base::Bytes bytes, uint32_t axes, const Mesh& mesh);

// The cheapest sequence of steps from one sharding to another (Dijkstra over shardings that fit; ties broken by order, so
// the same on every machine). Empty when equal. Any sharding without partial is reachable from any; a partial
// one only from itself or, for add, from a replicated axis.
std::optional<std::vector<ReshardStep>> reshard_path(const ir::Type& type, const Sharding& from, const Sharding& to,
                                                     const Mesh& mesh);

}  // namespace cordata::sharding
