// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <string>
#include <unordered_map>
#include <vector>

#include "cordata/ir/graph.h"

namespace cordata::ir {

// Makes a Graph, an op at a time. `create` infers the result types from the op table where the row can,
// checks them against `types` where both are there, and throws a user error "[ir.OP] wanted ..., got ..."
// with the shapes that clash. LASTING; the named shorthands below grow with need.
class GraphBuilder {
 public:
  explicit GraphBuilder(std::string name = "main");

  ValueId arg(Type type, std::string name = "",
              AttrDict attrs = {});  // an argument of the region being built
  NodeId create(OpKind kind, std::vector<ValueId> operands, AttrDict attrs = {}, std::vector<Type> types = {},
                std::vector<RegionId> regions = {}, int line = 0);
  ValueId value(OpKind kind, std::vector<ValueId> operands, AttrDict attrs = {}, std::vector<Type> types = {},
                std::vector<RegionId> regions = {});  // create, for ops with one result

  // Builds a region for the next op: `body` gets the region's arguments and returns its results. Regions
  // nest.
  RegionId region(std::vector<Type> arg_types,
                  const std::function<std::vector<ValueId>(std::vector<ValueId>)>& body);
  // The same in two halves, for readers.
  RegionId begin_region(std::vector<Type> arg_types);
  void end_region(std::vector<ValueId> results);
  std::span<const ValueId> region_args(RegionId id) const;

  const Type& type(ValueId v) const { return graph_.type(v); }
  const Node& node(NodeId n) const { return graph_.node(n); }
  const Graph& graph() const { return graph_; }  // what is built so far
  void set_name(ValueId v, std::string name);
  void set_module_attrs(AttrDict attrs);

  // Copies one top-level node of another graph (its regions too) with operands mapped by `map` (old value
  // index -> new value, invalid where absent); maps its results as well. The work horse of every graph
  // rewrite. `order` may give the nodes of inner regions in another topological order.
  using NodeOrder = std::function<std::vector<NodeId>(RegionId)>;
  NodeId clone(const Graph& from, NodeId node, std::vector<ValueId>& map, const NodeOrder& order = nullptr);
  // Copies a whole graph's body in, with its arguments bound to `args`; returns what its results became.
  std::vector<ValueId> inline_graph(const Graph& from, const std::vector<ValueId>& args);

  // Verifies and gives the graph away; the builder is empty afterwards.
  Graph finish(std::vector<ValueId> results, std::vector<AttrDict> result_attrs = {});

  // --- shorthands; each is one op of the table (or a few, where said) ---
  ValueId constant(double v, DType dtype, Shape shape = {});  // a splat
  ValueId constant(DenseElements v);
  ValueId iota(Type type, int64_t dim);
  ValueId unary(OpKind kind, ValueId x);
  ValueId binary(OpKind kind, ValueId x, ValueId y);
  ValueId add(ValueId x, ValueId y);
  ValueId sub(ValueId x, ValueId y);
  ValueId mul(ValueId x, ValueId y);
  ValueId div(ValueId x, ValueId y);
  ValueId neg(ValueId x);
  ValueId scale(ValueId x, double k);                                   // x times a splat constant
  ValueId compare(ValueId x, ValueId y, const std::string& direction);  // "EQ", "LT", ...
  ValueId select(ValueId pred, ValueId on_true, ValueId on_false);
  ValueId convert(ValueId x, DType dtype);
  ValueId reshape(ValueId x, Shape shape);
  ValueId transpose(ValueId x, std::vector<int64_t> permutation);
  ValueId broadcast_in_dim(ValueId x, Shape shape, std::vector<int64_t> dims);
  ValueId slice(ValueId x, std::vector<int64_t> start, std::vector<int64_t> limit,
                std::vector<int64_t> strides = {});
  ValueId concatenate(std::vector<ValueId> xs, int64_t dim);
  // batch and contracting dims of both sides; the result is [batch..., lhs free..., rhs free...].
  ValueId dot_general(ValueId x, ValueId y, std::vector<int64_t> x_batch, std::vector<int64_t> y_batch,
                      std::vector<int64_t> x_contract, std::vector<int64_t> y_contract, DType result);
  ValueId reduce(OpKind kind, ValueId x, double init,
                 std::vector<int64_t> dims);  // kind: kAdd, kMaximum, ...

 private:
  ValueId add_value(Type type, NodeId def, int index);
  const Type* interned(Type type);    // the graph's own that equals it
  AttrDict interned(AttrDict attrs);  // one seen lately that equals it, or itself
  void check_operands(OpKind kind, const std::vector<ValueId>& operands) const;
  RegionId clone_region(const Graph& from, RegionId region, std::vector<ValueId>& map,
                        const NodeOrder& order);
  void adopt_regions(OpKind kind, const std::vector<RegionId>& regions);
  bool visible(ValueId v) const;

  Graph graph_;
  std::vector<RegionId> open_;           // the regions being built, outermost first
  std::vector<RegionId> value_region_;   // by value: where it is defined
  std::vector<RegionId> region_parent_;  // by region: what it was begun in
  std::vector<char> region_open_, region_used_;
  std::unordered_map<uint64_t, const Type*> types_;  // by hash; those that clash take the next free number
  struct Seen {
    uint64_t hash = 0;
    AttrDict attrs;
  };
  std::vector<Seen> seen_;  // attributes of late ops, by hash; a newer one takes an older one's place
};

// Reads one element of dense elements as a double (real part of complex ones), and writes splats.
double element(const DenseElements& dense, int64_t index);
DenseElements splat(double v, DType dtype, Shape shape);
DenseElements dense_i64(std::vector<int64_t> values, Shape shape);

}  // namespace cordata::ir
