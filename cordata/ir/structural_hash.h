// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <vector>

#include "cordata/ir/graph.h"

namespace cordata::ir {

// Hashes of what each op computes, from the arguments (by position) up: kind, attributes, types, operands,
// regions. Names, lines and the order of ops don't enter. The attributes of arguments and results don't
// either: they say how a function is called (donation, layouts), not what it computes.
class ValueHashes {
 public:
  explicit ValueHashes(const Graph& graph);
  uint64_t of(ValueId v) const { return values_[v.index]; }
  uint64_t of(NodeId n) const { return nodes_[n.index]; }
  uint64_t alone(NodeId n) const { return alone_[n.index]; }  // whatever its operands are
  uint64_t all() const { return all_; }

 private:
  uint64_t region(RegionId id, int depth);
  uint64_t node(NodeId id, int depth);

  const Graph& graph_;
  std::vector<uint64_t> values_, nodes_, alone_;
  uint64_t all_ = 0;
};

// Whether the op, or one inside its regions, does something besides computing its results.
bool affects_world(const Graph& graph, NodeId node);

}  // namespace cordata::ir
