// SPDX-License-Identifier: Apache-2.0
#include "cordata/planner/intra_op/peak.h"

#include <algorithm>
#include <map>
#include <set>

#include "cordata/planner/intra_op/solve.h"
#include "cordata/sharding/reshard.h"

namespace cordata::planner {
namespace {

using sharding::Sharding;
using Node = BuiltProblem::Node;

class Peak {
 public:
  Peak(const BuiltProblem& built, const StageView& stage, const sharding::Mesh& mesh,
       const std::vector<int>& choice)
      : built_(built), stage_(stage), mesh_(mesh), choice_(choice) {}

  int64_t run() {
    Problem problem;  // what the choice uses, one strategy a node
    for (size_t n = 0; n < choice_.size(); ++n) {
      const auto& node = built_.problem.nodes[n];
      if (!node.usage.empty() && node.from < node.to)
        problem.nodes.push_back({{0}, {node.usage[choice_[n]]}, node.from, node.to});
    }
    for (size_t e = 0; e < built_.moves.size(); ++e) add(built_.problem.edges[e], built_.moves[e], problem);
    return peak_usage(problem, std::vector<int>(problem.nodes.size(), 0)) + packed_ + received_;
  }

 private:
  void add(const Problem::Edge& edge, const BuiltProblem::Move& move, Problem& problem) {
    const Sharding from = offered(built_.nodes[edge.u], stage_, move.value, choice_[edge.u]);
    int64_t bytes = 0;
    for (const Sharding& to : wanted(built_.nodes[edge.v], stage_, move.value, choice_[edge.v])) {
      if (to == from) continue;
      ir::Type type = sharding::local_type(stage_.values[move.value], from, mesh_);
      bool local = true;
      for (const auto& step : path(move.value, from, to)) {
        const ir::Type after = sharding::local_type(stage_.values[move.value], step.after, mesh_);
        const auto packing = sharding::packing(step.kind, type, after, step.dim, step.from_dim);
        packed_ = std::max(packed_, packing.packed), received_ = std::max(received_, packing.received);
        local = local && sharding::is_local(step.kind);
        type = after;
      }
      if (!local) bytes += type.num_bytes();  // what is cut out without a message, the reader reads in place
    }
    if (bytes > 0 && move.from < move.to) problem.nodes.push_back({{0}, {bytes}, move.from, move.to});
  }

  const std::vector<sharding::ReshardStep>& path(int v, const Sharding& from, const Sharding& to) {
    const auto& type = stage_.values[v];
    const auto [at, fresh] = paths_.try_emplace({type.shape, type.dtype, from, to});
    if (fresh)
      if (auto found = sharding::reshard_path(type, from, to, mesh_)) at->second = std::move(*found);
    return at->second;
  }

  const BuiltProblem& built_;
  const StageView& stage_;
  const sharding::Mesh& mesh_;
  const std::vector<int>& choice_;
  int64_t packed_ = 0, received_ = 0;
  std::map<std::tuple<ir::Shape, ir::DType, Sharding, Sharding>, std::vector<sharding::ReshardStep>> paths_;
};

}  // namespace

Sharding offered(const Node& node, const StageView& stage, int v, int choice) {
  if (node.kind != Node::Kind::kOp) return node.shardings[choice];
  const auto& op = stage.ops[node.index];
  const auto k = static_cast<size_t>(std::ranges::find(op.results, v) - op.results.begin());
  return k < op.rule.results.size()
             ? sharding::result_sharding(op.rule, node.strategies[choice], static_cast<int>(k))
             : Sharding{};
}

std::vector<Sharding> wanted(const Node& node, const StageView& stage, int v, int choice) {
  if (node.kind != Node::Kind::kOp) return {node.shardings[choice]};
  const auto& op = stage.ops[node.index];
  std::set<Sharding> wants;
  for (size_t k = 0; k < op.operands.size(); ++k)
    if (op.operands[k] == v && k < op.rule.operands.size() && !op.rule.awaits(k))
      wants.insert(sharding::operand_sharding(op.rule, node.strategies[choice], static_cast<int>(k)));
  if (wants.empty()) wants.insert(Sharding{});
  return {wants.begin(), wants.end()};
}

int64_t peak_bytes(const BuiltProblem& built, const StageView& stage, const sharding::Mesh& mesh,
                   const std::vector<int>& choice) {
  return Peak(built, stage, mesh, choice).run();
}

}  // namespace cordata::planner
