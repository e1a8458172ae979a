// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <deque>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "cordata/base/ids.h"
#include "cordata/ir/arena.h"
#include "cordata/ir/attribute.h"
#include "cordata/ir/id_list.h"
#include "cordata/ir/op_kind.h"
#include "cordata/ir/type.h"

namespace cordata::ir {

using ValueId = base::Id<struct ValueTag>;
using NodeId = base::Id<struct NodeTag>;
using RegionId = base::Id<struct RegionTag>;

// One op. Results are values [first_result, first_result + num_results).
struct Node {
  OpKind kind;
  ValueId first_result;
  int num_results = 0;
  int line = 0;  // in the text it was read from, 0 when built; for messages only
  AttrDict attrs;
  IdList<ValueId> operands;
  IdList<RegionId> regions;

  ValueId result(int i = 0) const { return ValueId(first_result.index + i); }
};

// What a graph says of a value; refers to the graph.
struct Value {
  const Type& type;
  NodeId def;     // invalid for a block argument
  int index = 0;  // which result of def, or which argument of its region
  const std::string&
      name;  // a hint for people ("wte", "arg3"); never looked at by planner, cost or simulator
};

// A block: its arguments, its ops in order, and what it returns. Ops of an inner region may read values of
// outer ones.
struct Region {
  IdList<ValueId> args;
  IdList<NodeId> nodes;
  IdList<ValueId> results;
};

// One function: flat arenas of values, nodes and regions; immutable and verified once built
// (GraphBuilder::finish). What is the same for many values or ops (types, attributes) is held once; an op
// takes some 100 bytes, its operands and result included. Node ids are in topological order within every
// region (operands before users). LASTING.
class Graph {
 public:
  const Node& node(NodeId id) const { return nodes_[id.index]; }
  Value value(ValueId id) const;
  const Region& region(RegionId id) const { return regions_[id.index]; }
  const Type& type(ValueId id) const { return *values_[id.index].type; }

  const Region& body() const { return regions_[0]; }
  std::span<const ValueId> args() const { return body().args; }
  std::span<const ValueId> results() const { return body().results; }
  std::span<const NodeId> ops() const { return body().nodes; }  // top level only

  int num_nodes() const { return static_cast<int>(nodes_.size()); }
  int num_values() const { return static_cast<int>(values_.size()); }
  int num_regions() const { return static_cast<int>(regions_.size()); }

  const std::string& name() const { return name_; }
  // Attributes of arguments and results (`tf.aliasing_output`, `mhlo.sharding`, ...), by position; may be
  // empty.
  const std::vector<AttrDict>& arg_attrs() const { return arg_attrs_; }
  const std::vector<AttrDict>& result_attrs() const { return result_attrs_; }
  const AttrDict& module_attrs() const { return module_attrs_; }

  // Convenience: the attribute, or nullptr.
  static const Attribute* find_attr(const Node& node, std::string_view key);

 private:
  friend class GraphBuilder;
  struct Defined {
    const Type* type;  // in types_
    NodeId def;
    int index;
  };

  std::string name_ = "main";
  std::shared_ptr<std::deque<Type>> types_ =
      std::make_shared<std::deque<Type>>();  // only grows: a copy shares it
  Arena<Node> nodes_;
  Arena<Defined> values_;
  Arena<Region> regions_;
  std::unordered_map<ValueId, std::string> names_;
  std::vector<AttrDict> arg_attrs_, result_attrs_;
  AttrDict module_attrs_;
};

// For every value, the nodes (of any region) that read it; a node appears once per operand that reads.
std::vector<std::vector<NodeId>> users(const Graph& graph);

// The values defined outside a node's regions that ops inside them read (while and case bodies may capture).
std::vector<ValueId> captures(const Graph& graph, const Node& node);

// What the graph computes, as a hash: names, and the order of independent ops, don't matter; types,
// attributes, constants, the order of arguments and results do. Two graphs that differ only in names or order
// hash alike.
uint64_t structural_hash(const Graph& graph);

// The same graph with top-level ops in an order that only depends on its structure (hash ties broken by
// argument and operand position), and dead ops without side effects dropped. Plans refer to ops by position
// in this order.
Graph canonicalize(const Graph& graph);

}  // namespace cordata::ir
