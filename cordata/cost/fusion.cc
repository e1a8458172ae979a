// SPDX-License-Identifier: Apache-2.0
#include "cordata/cost/fusion.h"

#include <algorithm>
#include <set>

#include "cordata/ir/op_table.h"

namespace cordata::cost {
namespace {

constexpr size_t kMostKernels = 8;  // that compute a value each for itself

// A part of its first operand, which alone is read.
bool is_slice(const ir::Node& node) {
  return node.kind == ir::OpKind::kSlice || node.kind == ir::OpKind::kDynamicSlice;
}

// One tensor is summed, or its maximum taken.
bool reduces(const ir::Node& node) { return node.kind == ir::OpKind::kReduce && node.num_results == 1; }

class Fuser {
 public:
  Fuser(const ir::Graph& graph, bool merging, const std::vector<int>& modules)
      : graph_(graph), merging_(merging), modules_(modules) {
    const auto ops = graph.ops();
    place_.assign(graph.num_nodes(), -1);
    for (size_t i = 0; i < ops.size(); ++i) place_[ops[i].index] = static_cast<int>(i);
    for (const auto id : ops) {
      const auto& node = graph.node(id);
      pointwise_.push_back(pointwise(graph, node));
      constant_.push_back(ir::is_constant_like(node.kind) || (is_slice(node) && constant(node.operands[0])));
    }
    returned_.assign(graph.num_values(), 0);
    for (const auto v : graph.results()) returned_[v.index] = 1;
    out_.kernels.resize(ops.size()), out_.fused.assign(ops.size(), 0), out_.read.resize(ops.size()),
        out_.written.resize(ops.size());
  }

  Fusion run() {
    const auto readers = ir::users(graph_);
    const auto ops = graph_.ops();
    for (size_t i = ops.size(); i-- > 0;) {
      const auto& node = graph_.node(ops[i]);
      if (orders_only(node)) {
        out_.fused[i] = node.kind == ir::OpKind::kAfter;
        continue;
      }
      out_.kernels[i] = {static_cast<int>(i)};
      if (!pointwise_[i] || returned_[node.result().index]) continue;
      if (auto kernels = computed_in(static_cast<int>(i), readers[node.result().index]); !kernels.empty())
        out_.kernels[i] = std::move(kernels), out_.fused[i] = 1;
    }
    read_by_.resize(graph_.num_values());
    for (size_t i = 0; i < ops.size(); ++i) count_bytes(static_cast<int>(i));
    return std::move(out_);
  }

 private:
  double bytes(ir::ValueId v) const { return static_cast<double>(graph_.type(v).num_bytes()); }
  int maker(ir::ValueId v) const {
    const auto def = graph_.value(v).def;
    return def.valid() ? place_[def.index] : -1;
  }
  // A constant, or a part of one.
  bool constant(ir::ValueId v) const {
    const int m = maker(v);
    return m >= 0 && constant_[m];
  }

  // The kernels that compute op i's result each for themselves; empty: it is written.
  std::vector<int> computed_in(int i, const std::vector<ir::NodeId>& readers) const {
    std::set<int> kernels;
    for (const auto id : readers) {
      const int r = id.index < static_cast<int>(place_.size()) ? place_[id.index] : -1;
      if (r < 0 || !(pointwise_[r] || reduces(graph_.node(id)))) return {};
      if (!modules_.empty() && modules_[r] != modules_[i]) return {};
      kernels.insert(out_.kernels[r].begin(), out_.kernels[r].end());
    }
    if (kernels.empty() || kernels.size() > kMostKernels) return {};
    if (kernels.size() > 1 && !worth_repeating(graph_.node(graph_.ops()[i]))) return {};
    return {kernels.begin(), kernels.end()};
  }

  // Reading its operands in each is no more than reading it, and computing it is not much.
  bool worth_repeating(const ir::Node& node) const {
    if (!merging_ && slow(node.kind)) return false;
    const std::set<ir::ValueId> operands(node.operands.begin(), node.operands.end());
    return std::ranges::count_if(operands, [&](ir::ValueId v) {
             const int m = maker(v);
             const bool spread = m >= 0 && graph_.node(graph_.ops()[m]).kind == ir::OpKind::kBroadcastInDim;
             return !constant(v) && !spread &&
                    graph_.type(v).num_elements() >= graph_.type(node.result()).num_elements();
           }) <= 1;
  }

  // Each kernel reads a value once.
  void count_bytes(int i) {
    const auto& node = graph_.node(graph_.ops()[i]);
    if (orders_only(node) || ir::is_constant_like(node.kind)) return;
    const bool sums = node.kind == ir::OpKind::kAccumulate;
    // The same bytes under another type, or as the sum of one microbatch: nothing moves.
    if (!out_.fused[i] && (node.kind == ir::OpKind::kReshape || (sums && modules_.empty()))) return;
    for (const auto v : node.operands) {
      double& moved = out_.read[i].emplace_back(0);
      const int m = maker(v);
      if (constant(v) || (m >= 0 && out_.fused[m] && !orders_only(graph_.node(graph_.ops()[m])))) continue;
      auto& read = read_by_[v.index];
      for (const int kernel : out_.kernels[i])
        if (std::find(read.begin(), read.end(), kernel) == read.end())
          read.push_back(kernel), moved += is_slice(node) ? bytes(node.result()) : bytes(v);
    }
    for (int r = 0; r < node.num_results; ++r)
      out_.written[i].push_back(out_.fused[i] ? 0 : bytes(node.result(r)));
    if (sums && !modules_.empty()) out_.written[i][0] += bytes(node.result());  // what was summed up before
  }

  const ir::Graph& graph_;
  const bool merging_;
  const std::vector<int>& modules_;
  std::vector<int> place_;
  std::vector<char> pointwise_, constant_, returned_;
  std::vector<std::vector<int>> read_by_;  // by value: kernels
  Fusion out_;
};

}  // namespace

bool pointwise(const ir::Graph& graph, const ir::Node& node) {
  if (node.num_results != 1 || !node.regions.empty() || ir::is_constant_like(node.kind)) return false;
  if (is_slice(node) || node.kind == ir::OpKind::kReshape || node.kind == ir::OpKind::kBroadcastInDim)
    return true;
  return elementwise(graph, node);
}

bool elementwise(const ir::Graph& graph, const ir::Node& node) {
  const auto rule = ir::factor_rule(graph, node);
  if (rule.replicated_only()) return false;
  const auto& shape = graph.type(node.result()).shape;
  const auto same = [&](ir::ValueId v) {
    return graph.type(v).is_tensor() && (graph.type(v).shape == shape || graph.type(v).shape.empty());
  };
  const auto pass = [](const ir::Factor& f) { return f.kind == ir::FactorKind::kPass; };
  return std::ranges::all_of(node.operands, same) && std::ranges::all_of(rule.factors, pass);
}

bool slow(ir::OpKind kind) {
  switch (kind) {
    case ir::OpKind::kAtan2:
    case ir::OpKind::kExponential:
    case ir::OpKind::kExponentialMinusOne:
    case ir::OpKind::kLog:
    case ir::OpKind::kLogPlusOne:
    case ir::OpKind::kLogistic:
    case ir::OpKind::kTan:
    case ir::OpKind::kTanh:
    case ir::OpKind::kRemainder:
    case ir::OpKind::kSine:
    case ir::OpKind::kCosine:
    case ir::OpKind::kPower:
    case ir::OpKind::kDivide:
    case ir::OpKind::kSqrt:
    case ir::OpKind::kRsqrt:
    case ir::OpKind::kCbrt:
      return true;
    default:
      return false;
  }
}

bool orders_only(const ir::Node& node) {
  return node.kind == ir::OpKind::kAfter ||
         (node.kind == ir::OpKind::kOptimizationBarrier && node.operands.size() > 1);
}

Fusion fuse(const ir::Graph& graph, bool merging, const std::vector<int>& modules) {
  return Fuser(graph, merging, modules).run();
}

}  // namespace cordata::cost
