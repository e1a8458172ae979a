// SPDX-License-Identifier: Apache-2.0
#include "tests/planner/dominant.h"

#include <algorithm>
#include <cmath>

#include "cordata/ir/op_table.h"

namespace cordata::tests {
namespace {

struct Votes {
  double none = 0, samples = 0, others = 0;  // FLOPs, an axis counting by the logarithm of its size
  double state_bytes = 0,
         sharded_bytes = 0;  // of parameters and optimizer state: all, and those that rest in shards
};

void vote_op(const ir::Graph& graph, const ir::Node& node, const sharding::Strategy& strategy,
             const sharding::Mesh& mesh, int64_t samples, Votes& votes) {
  const auto rule = ir::factor_rule(graph, node);
  const bool sums = std::any_of(rule.factors.begin(), rule.factors.end(),
                                [](const ir::Factor& f) { return f.kind == ir::FactorKind::kReduce; });
  if (node.operands.size() < 2 || !sums) return;
  const double flops = ir::flops(graph, node).value;
  for (int axis = 0; axis < mesh.num_axes(); ++axis) {
    const int use = strategy.use[axis];
    const double weight = flops * std::log2(static_cast<double>(mesh.shape[axis]));
    (use < 0 ? votes.none : rule.factors[use].size == samples ? votes.samples : votes.others) += weight;
  }
}

void vote_state(const step::StageGraph& stage, const plan::Stage& planned, Votes& votes) {
  for (size_t a = 0; a < stage.args.size(); ++a) {
    const auto kind = stage.args[a].kind;
    if (kind != step::ArgKind::kParam && kind != step::ArgKind::kOptState) continue;
    const auto& type = stage.graph.type(stage.graph.args()[a]);
    const auto bytes = static_cast<double>(type.num_bytes());
    votes.state_bytes += bytes;
    if (planned.sharding.args[a] != sharding::Sharding{}) votes.sharded_bytes += bytes;
  }
}

}  // namespace

std::string_view word(Parallelism p) {
  constexpr std::string_view kWords[] = {"none", "data", "zero", "tensor", "pipeline"};
  return kWords[static_cast<int>(p)];
}

Parallelism dominant(const plan::Plan& plan, const step::TrainStep& step) {
  if (plan.stages.size() > 1 && plan.microbatches > 1) return Parallelism::kPipeline;
  const auto whole = plan::planned_step(step, plan);
  const auto cut = plan::planned_cut(whole, plan);
  Votes votes;
  for (size_t s = 0; s < cut.stages.size(); ++s) {
    const auto& stage = cut.stages[s];
    const auto& planned = plan.stages[s];
    for (size_t i = 0; i < stage.graph.ops().size(); ++i)
      vote_op(stage.graph, stage.graph.node(stage.graph.ops()[i]), planned.sharding.ops[i], planned.mesh,
              whole.joint.microbatch_size, votes);
    vote_state(stage, planned, votes);
  }
  if (votes.none >= std::max(votes.samples, votes.others)) return Parallelism::kNone;
  if (votes.others > votes.samples) return Parallelism::kTensor;
  return votes.sharded_bytes > 0.5 * votes.state_bytes ? Parallelism::kZero : Parallelism::kData;
}

}  // namespace cordata::tests
