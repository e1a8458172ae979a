// SPDX-License-Identifier: Apache-2.0
#include "cordata/runtime/pjrt/compiler_faults.h"

#include <span>

#include "cordata/ir/builder.h"
#include "cordata/ir/text.h"

namespace cordata::runtime {
namespace {

using ir::Graph;
using ir::Node;
using ir::NodeId;
using ir::OpKind;
using ir::RegionId;
using ir::Type;
using ir::ValueId;

// Copies a graph, with what is miscompiled when it is known behind a barrier, in regions too.
class Copy {
 public:
  explicit Copy(const Graph& from) : from_(from), map_(from.num_values()) {}

  Graph made() {
    b_.set_module_attrs(from_.module_attrs());
    for (size_t i = 0; i < from_.args().size(); ++i) {
      ValueId v = from_.args()[i];
      map_[v.index] = b_.arg(from_.type(v), from_.value(v).name,
                             i < from_.arg_attrs().size() ? from_.arg_attrs()[i] : ir::AttrDict{});
    }
    for (NodeId n : from_.ops()) node(from_.node(n));
    return b_.finish(mapped(from_.results()), from_.result_attrs());
  }

 private:
  std::vector<ValueId> mapped(std::span<const ValueId> values) const {
    std::vector<ValueId> out;
    for (ValueId v : values) out.push_back(map_[v.index]);
    return out;
  }

  // Whether a compiler can work out a value without running anything.
  bool known(ValueId v) const {
    for (NodeId def = from_.value(v).def; def.valid(); def = from_.value(from_.node(def).operands[0]).def) {
      const Node& n = from_.node(def);
      if (n.kind == OpKind::kConstant) return true;
      if (n.kind != OpKind::kBroadcastInDim && n.kind != OpKind::kConvert && n.kind != OpKind::kReshape)
        return false;
    }
    return false;
  }

  bool is_slice(ValueId v) const {
    const NodeId def = from_.value(v).def;
    return def.valid() && from_.node(def).kind == OpKind::kDynamicSlice;
  }

  ValueId hidden(ValueId v) { return b_.value(OpKind::kOptimizationBarrier, {v}); }

  void node(const Node& n) {
    std::vector<ValueId> operands = mapped(n.operands);
    OpKind kind = n.kind;
    if (kind == OpKind::kAtan2 && known(n.operands[1])) operands[1] = hidden(operands[1]);
    if (kind == OpKind::kScatter) {
      const size_t inputs = (n.operands.size() - 1) / 2;
      for (size_t i = 0; i < inputs; ++i)
        if (is_slice(n.operands[i])) operands[i] = hidden(operands[i]);
    }
    if (kind == OpKind::kChloAtan && ir::is_float(from_.type(n.result()).dtype)) {
      const Type& type = from_.type(n.result());
      kind = OpKind::kAtan2;
      operands.push_back(hidden(b_.constant(1, type.dtype, type.shape)));
    }
    std::vector<Type> types;
    for (int i = 0; i < n.num_results; ++i) types.push_back(from_.type(n.result(i)));
    std::vector<RegionId> regions;
    for (RegionId r : n.regions) regions.push_back(region(from_.region(r)));
    const Node& made =
        b_.node(b_.create(kind, std::move(operands), n.attrs, std::move(types), std::move(regions), n.line));
    for (int i = 0; i < n.num_results; ++i) map_[n.result(i).index] = made.result(i);
  }

  RegionId region(const ir::Region& r) {
    std::vector<Type> types;
    for (ValueId v : r.args) types.push_back(from_.type(v));
    RegionId id = b_.begin_region(std::move(types));
    for (size_t i = 0; i < r.args.size(); ++i) map_[r.args[i].index] = b_.region_args(id)[i];
    for (NodeId n : r.nodes) node(from_.node(n));
    b_.end_region(mapped(r.results));
    return id;
  }

  const Graph& from_;
  ir::GraphBuilder b_;
  std::vector<ValueId> map_;
};

}  // namespace

std::string around_compiler_faults(std::string_view mlir) {
  const auto has = [&](std::string_view word) { return mlir.find(word) != mlir.npos; };
  if (!has("atan") && !(has("stablehlo.scatter") && has("stablehlo.dynamic_slice"))) return std::string(mlir);
  return ir::write_module(Copy(ir::read_module(mlir)).made());
}

}  // namespace cordata::runtime
