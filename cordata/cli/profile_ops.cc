// SPDX-License-Identifier: Apache-2.0
#include "cordata/cli/profile_ops.h"

#include <algorithm>
#include <set>

#include "cordata/cli/model_source.h"
#include "cordata/cost/meshes.h"
#include "cordata/ir/builder.h"
#include "cordata/ir/op_table.h"
#include "cordata/sharding/sharding.h"
#include "cordata/step/joint.h"

namespace cordata::cli {
namespace {

constexpr int kMicrobatches[] = {1, 2, 4, 8};

class Cases {
 public:
  explicit Cases(int devices) {
    for (int n = 1; n <= devices; n *= 2)
      for (auto& shape : cost::logical_views(n)) meshes_.push_back({std::move(shape), {}});
  }

  void add(const ir::Graph& graph) {
    for (const auto id : graph.ops()) {
      const auto& node = graph.node(id);
      if (!cost::can_be_profiled(graph, node)) continue;
      std::string form = cost::op_form(graph, node);
      if (!seen_whole_.insert({form, cost::op_sizes(graph, node)}).second) continue;
      const auto rule = ir::factor_rule(graph, node);
      for (const auto& mesh : meshes_)
        for (const auto& strategy : sharding::enumerate_strategies(rule, mesh))
          add_shard(graph, node, rule, form, strategy, mesh);
    }
  }

  std::vector<OpCase> take() { return std::move(out_); }

 private:
  void add_shard(const ir::Graph& graph, const ir::Node& node, const ir::FactorRule& rule,
                 const std::string& form, const sharding::Strategy& strategy, const sharding::Mesh& mesh) {
    ir::GraphBuilder b;
    std::vector<ir::ValueId> operands;
    for (size_t k = 0; k < node.operands.size(); ++k)
      operands.push_back(
          b.arg(sharding::local_type(graph.type(node.operands[k]),
                                     sharding::operand_sharding(rule, strategy, static_cast<int>(k)), mesh)));
    std::vector<ir::Type> types;
    for (int r = 0; r < node.num_results; ++r)
      types.push_back(sharding::local_type(graph.type(node.result(r)),
                                           sharding::result_sharding(rule, strategy, r), mesh));
    const ir::Node made = b.node(b.create(node.kind, operands, node.attrs, types));
    std::vector<ir::ValueId> results;
    for (int r = 0; r < made.num_results; ++r) results.push_back(made.result(r));
    ir::Graph module = b.finish(results);
    const auto& alone = module.node(module.ops()[0]);
    auto sizes = cost::op_sizes(module, alone);
    if (!seen_.insert({form, sizes}).second) return;
    out_.push_back({form, cost::sizes_text(sizes, operands.size()), module.type(alone.operands[0]).dtype,
                    std::move(module)});
  }

  std::vector<sharding::Mesh> meshes_;
  std::set<std::pair<std::string, cost::OpSizes>> seen_whole_, seen_;
  std::vector<OpCase> out_;
};

}  // namespace

std::vector<OpCase> ops_to_profile(const std::vector<std::string>& models, int devices) {
  Cases cases(devices);
  for (const auto& model : models) {
    const auto step = load_step(model, "cluster measure --ops");
    for (const int m : kMicrobatches)
      if (step.batch % m == 0 && std::ranges::count(step.microbatch_sizes, step.batch / m) > 0)
        cases.add(step::build_joint(step, m).graph);
  }
  return cases.take();
}

}  // namespace cordata::cli
