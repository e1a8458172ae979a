// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <span>
#include <utility>
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
// (all-reduce, reduce-scatter, all-to-all: all of it; all-gather: its shard); a permute first cuts out the
// part that its target wants, so there it is the local tensor *after* the step. Local steps have 0.
struct ReshardStep {
  CollectiveKind kind;
  uint32_t axes = 0;  // bit set
  int dim = -1;  // sharded by the step's result (reduce-scatter, slice, all-to-all) or gathered (all-gather)
  int from_dim = -1;  // all-to-all: the dim that was sharded before
  ir::ReduceKind reduce = ir::ReduceKind::kAdd;
  Sharding after;
  base::Bytes bytes{0};
  base::Seconds seconds{0};  // by the mesh's links and memory
};

bool is_local(CollectiveKind kind);

// Bytes that a rank packs what it sends into, and unpacks what it got from, where the blocks of a tensor
// along the dims of a step don't lie in one piece. `before` and `after`: the local tensors.
struct Packing {
  int64_t packed = 0, received = 0;
};
Packing packing(CollectiveKind kind, const ir::Type& before, const ir::Type& after, int dim, int from_dim);
// All that is packed and unpacked is read and written once, at `memory` bytes a second; 0: for nothing.
base::Seconds packing_seconds(const Packing& p, base::BytesPerSecond memory);
std::string_view name(CollectiveKind kind);  // "all-reduce"

// Seconds of one collective over `axes` of a mesh, by ring algorithms (docs/collectives.md): n is `bytes` as
// above.
base::Seconds collective_seconds(CollectiveKind kind, base::Bytes bytes, uint32_t axes, const Mesh& mesh);

// The cheapest sequence of steps from one sharding to another (Dijkstra over shardings that fit; ties broken
// by order, so the same on every machine). Empty when equal. Any sharding without partial is reachable from
// any; a partial one only from itself or, for add, from a replicated axis.
std::optional<std::vector<ReshardStep>> reshard_path(const ir::Type& type, const Sharding& from,
                                                     const Sharding& to, const Mesh& mesh);

// How the blocks of one sharding become those of another that is as fine or finer, by one message a device:
// within every group along `axes`, the device at position `first` sends (the wanted part of) its block to
// position `second`. Nothing when that is impossible. Of the smallest set of axes; devices that hold what
// they want keep it.
struct Permutation {
  uint32_t axes = 0;
  std::vector<std::pair<int, int>> pairs;  // (source, target), by target
};
std::optional<Permutation> find_permutation(int64_t rank, const Sharding& from, const Sharding& to,
                                            const Mesh& mesh);

// All cheapest paths between the shardings of one type on one mesh: for planners, which ask millions of
// times. Partial placements are of one kind. Rows are computed when first asked for, so a table isn't to be
// shared between threads.
class ReshardTable {
 public:
  ReshardTable(ir::Type type, Mesh mesh, ir::ReduceKind kind = ir::ReduceKind::kAdd);

  const ir::Type& type() const { return type_; }
  std::span<const Sharding> shardings() const { return shardings_; }
  int index(const Sharding& s) const;  // -1 for one that doesn't fit or is partial of another kind
  double seconds(int from, int to);    // infinite when unreachable
  double seconds(const Sharding& from, const Sharding& to);
  std::optional<std::vector<ReshardStep>> path(int from, int to);

 private:
  struct Edge {
    int to;
    ReshardStep step;
    int64_t picoseconds;  // whole numbers, so that ties are ties on every machine
  };
  struct Row {
    std::vector<double> seconds;
    std::vector<std::pair<int, int>>
        previous;  // by sharding: where the path comes from, and by which of its edges
  };

  const std::vector<Edge>& edges(int from);
  const Row& row(int from);
  void add_edge(int from, ReshardStep step);
  void add_sums(int from);
  void add_moves(int from);
  void add_splits(int from);
  void add_permutations(int from);

  ir::Type type_;
  Mesh mesh_;
  ir::ReduceKind kind_;
  std::vector<Sharding> shardings_;
  std::vector<int> index_;      // by code, a number in base rank + 2
  std::vector<int64_t> bytes_;  // of the local tensor, by sharding
  std::vector<std::optional<std::vector<Edge>>> edges_;
  std::vector<std::optional<Row>> rows_;
};

}  // namespace cordata::sharding
