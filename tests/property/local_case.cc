// SPDX-License-Identifier: Apache-2.0
#include "tests/property/local_case.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>

#include "cordata/ir/op_table.h"
#include "cordata/ir/text.h"
#include "cordata/partition/local_op.h"
#include "tests/property/scan.h"

namespace cordata::property {

using ir::FactorKind;
using ir::FactorRule;
using sharding::AxisUse;
using sharding::Mesh;
using sharding::Strategy;

LocalCase emit_case(const Instance& instance, const FactorRule& rule, const Strategy& strategy,
                    const Mesh& mesh, partition::CollectiveMode mode, bool join) {
  LocalCase c{&instance, rule, strategy, {}, {}};
  const ir::Graph& whole = instance.graph;
  ir::GraphBuilder b;
  std::vector<ValueId> operands;
  for (size_t i = 0; i < c.op().operands.size(); ++i) {
    operands.push_back(
        b.arg(sharding::local_type(whole.type(c.op().operands[i]), c.operand(static_cast<int>(i)), mesh)));
  }
  ValueId index;
  if (mode == partition::CollectiveMode::kCustomCall) index = b.arg(Type::tensor(DType::kI32));
  partition::Communicators communicators;
  for (uint32_t axes = 1; axes < 1u << mesh.num_axes(); ++axes)
    communicators.axes_sets.push_back(axes);  // one numbering for all cases
  partition::Collectives collectives(b, mesh, mode, communicators, [&] { return index; });
  std::vector<ValueId> outer(whole.num_values());
  std::vector<ValueId> results =
      emit_local(b, collectives, whole, c.op(), rule, strategy, mesh, operands, outer);
  for (size_t i = 0; join && i < results.size(); ++i) {
    int r = static_cast<int>(i);
    results[i] = collectives.reshard(results[i], whole.type(c.op().result(r)), c.result(r), {});
  }
  c.text = ir::write_module(b.finish(std::move(results)));
  c.graph = ir::read_module(c.text, "the emitted text");
  return c;
}

namespace {

// Into how many parts the axes on its factors cut a dim.
int64_t cuts(const LocalCase& c, const Mesh& mesh, const ir::DimFactors& factors) {
  int64_t n = 1;
  for (int a = 0; a < mesh.num_axes(); ++a) {
    if (std::ranges::find(factors, c.strategy.use[a]) != factors.end()) n *= mesh.shape[a];
  }
  return n;
}

// A tensor of the text against the whole one.
std::string wrong_size(const LocalCase& c, const Mesh& mesh, const Type& whole, const ScannedTensor& local,
                       const ir::TensorFactors& factors) {
  bool right = local.dims.size() == whole.shape.size() && local.element == ir::name(whole.dtype);
  for (size_t d = 0; right && d < whole.shape.size(); ++d)
    right = local.dims[d] * cuts(c, mesh, factors[d]) == whole.shape[d];
  return right ? ""
               : fmt::format("[{}] x {} of {} is not divided by its axes", fmt::join(local.dims, ", "),
                             local.element, ir::to_string(whole));
}

// Divided by `parts`, to rounding.
bool is_share(double local, double whole, int64_t parts) {
  return std::abs(local * static_cast<double>(parts) - whole) <= 1e-9 * whole;
}

// Of a loop, those of one turn but for its scalars: every device counts the turns.
double flops_on_tensors(const ir::Graph& graph, const ir::Node& op) {
  if (op.kind != OpKind::kWhile) return ir::flops(graph, op).value;
  double sum = 0;
  for (ir::RegionId r : op.regions) {
    for (ir::NodeId n : graph.region(r).nodes) {
      const ir::Node& inner = graph.node(n);
      if (graph.type(inner.result()).rank() > 0) sum += ir::flops(graph, inner).value;
    }
  }
  return sum;
}

}  // namespace

Verdict read_case(const LocalCase& c, const Mesh& mesh) {
  const ir::Graph& whole = c.instance->graph;
  const ScannedModule text = scan(c.text);
  int64_t assigned = 1;
  bool special = false;
  for (int a = 0; a < mesh.num_axes(); ++a) {
    AxisUse use = c.strategy.use[a];
    if (use < 0) continue;
    assigned *= mesh.shape[a];
    special |= c.rule.factors[use].kind == FactorKind::kSpecial;
  }
  for (size_t i = 0; i < c.op().operands.size(); ++i) {
    auto wrong = wrong_size(c, mesh, whole.type(c.op().operands[i]), text.args.at(i), c.rule.operands[i]);
    if (!wrong.empty()) return {wrong, false};
  }
  for (size_t i = 0; i < text.results.size(); ++i) {
    auto wrong = wrong_size(c, mesh, whole.type(c.op().result(static_cast<int>(i))), text.results[i],
                            c.rule.results[i]);
    if (!wrong.empty()) return {wrong, false};
  }
  const std::string name(ir::name(c.op().kind));
  const std::string emitted(c.op().kind == OpKind::kAfter ? ir::name(OpKind::kOptimizationBarrier) : name);
  double local_work = work(text, emitted), all_work = work(scan(c.instance->text), name), flops = 0,
         all = flops_on_tensors(whole, c.op());
  for (ir::NodeId n : c.graph.ops()) {
    if (c.graph.node(n).kind == c.op().kind) flops += flops_on_tensors(c.graph, c.graph.node(n));
  }
  bool divided = all_work > 0 && is_share(local_work, all_work, assigned) && is_share(flops, all, assigned);
  // A device that holds some rows of a scatter's input still goes through all updates: right, but not a case
  // that counts.
  if (!divided && !special) {
    return {
        fmt::format("work {} of {}, FLOPs {} of {} on {} shards", local_work, all_work, flops, all, assigned),
        false};
  }
  return {"", divided && assigned > 1};
}

std::vector<Strategy> all_assignments(const FactorRule& rule, const Mesh& mesh) {
  auto legal = [&](const Strategy& s) {
    std::vector<int64_t> parts(rule.factors.size(), 1);
    for (int a = 0; a < mesh.num_axes(); ++a) {
      if (s.use[a] >= 0) parts[s.use[a]] *= mesh.shape[a];
    }
    for (size_t f = 0; f < parts.size(); ++f) {
      if (parts[f] > 1 && (rule.factors[f].size <= 0 || rule.factors[f].size % parts[f] != 0)) return false;
    }
    // Of each dim at most the major-most factor, counting only those of more than one element; of each tensor
    // a factor once.
    for (const auto* side : {&rule.operands, &rule.results}) {
      for (const ir::TensorFactors& tensor : *side) {
        std::vector<int> seen(rule.factors.size(), 0);
        for (const ir::DimFactors& dim : tensor) {
          bool minor = false;
          for (int f : dim) {
            if (parts[f] > 1 && (minor || ++seen[f] > 1)) return false;
            minor |= rule.factors[f].size > 1;
          }
        }
      }
    }
    // Every result is left partial alike on all its axes.
    for (size_t r = 0; r < rule.results.size(); ++r) {
      int kinds = 0;
      for (int k = 0; k < 6; ++k) {
        auto p = sharding::partial(static_cast<ir::ReduceKind>(k));
        auto at = sharding::result_sharding(rule, s, static_cast<int>(r)).at;
        kinds += std::ranges::find(at, p) != at.end();
      }
      if (kinds > 1) return false;
    }
    return true;
  };
  std::vector<Strategy> all{{}}, out;
  for (int a = 0; a < mesh.num_axes(); ++a) {
    std::vector<Strategy> longer;
    for (const Strategy& s : all) {
      for (int use = -1 - static_cast<int>(rule.linear.size()); use < static_cast<int>(rule.factors.size());
           ++use) {
        longer.push_back(s);
        longer.back().use[a] = static_cast<AxisUse>(use);
      }
    }
    all = std::move(longer);
  }
  std::ranges::copy_if(all, std::back_inserter(out), legal);
  return out;
}

std::string describe(const LocalCase& c, const Mesh& mesh) {
  std::vector<std::string> operands;
  for (ValueId v : c.op().operands) operands.push_back(ir::to_string(c.instance->graph.type(v)));
  return fmt::format("{} ({}) -> {}, rule {}, strategy {} on mesh {}", ir::name(c.op().kind),
                     fmt::join(operands, ", "), ir::to_string(c.instance->graph.type(c.op().result())),
                     ir::to_string(c.rule), to_string(c.strategy, c.rule, mesh), to_string(mesh));
}

}  // namespace cordata::property
