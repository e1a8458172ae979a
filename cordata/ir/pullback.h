// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <span>
#include <vector>

#include "cordata/ir/builder.h"

namespace cordata::ir {

// Reverse mode over one region of a graph (Griewank and Walther 2008, ch. 3): its ops are copied as they
// stand, then walked backwards, each turning its results' cotangents into its operands'.
class ReverseMode {
 public:
  ReverseMode(const Graph& from, GraphBuilder& builder);

  // What a value of the graph is in the builder, and whether it depends on what is differentiated by.
  void bind(ValueId value, ValueId now, bool moves);
  void copy_forward(RegionId region);
  void seed(ValueId value, ValueId cotangent);
  void walk_back(RegionId region);

  ValueId now(ValueId value) const { return map_[value.index]; }
  bool moves(ValueId value) const { return moves_[value.index]; }
  ValueId cotangent_or_zero(ValueId value);

 private:
  bool any_moves(const std::vector<ValueId>& values) const;
  void pull_back(const Node& node);
  void flow_into(ValueId value, ValueId cotangent);

  const Graph& from_;
  GraphBuilder& builder_;
  std::vector<ValueId> map_;         // by value of from_: the builder's
  std::vector<char> moves_;          // by value of from_: depends on what is differentiated by
  std::vector<ValueId> cotangents_;  // by value of from_
};

// The derivative of a region as a function of its own: (arguments, captured values, a cotangent for each
// result in `results`) -> a cotangent for each input in `inputs`. Inputs are counted through arguments and
// then captured values.
struct Pullback {
  Graph graph;
  std::vector<int> results, inputs;
};

// `moves`: by input, whether its cotangent is wanted; `flows`: by result, whether one comes in. Results that
// don't depend on an input that moves are left out.
Pullback pullback(const Graph& graph, RegionId region, const std::vector<ValueId>& captured,
                  std::span<const char> moves, std::span<const char> flows);

// By result of the region: whether it depends on an input that moves.
std::vector<char> moving_results(const Graph& graph, RegionId region, const std::vector<ValueId>& captured,
                                 std::span<const char> moves);

// The graph without ops that nothing reads and that do nothing to the world.
Graph without_dead_ops(const Graph& graph);

}  // namespace cordata::ir
