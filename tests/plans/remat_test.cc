// SPDX-License-Identifier: Apache-2.0
// Plans that compute values again give the answer of one device that doesn't, and hold less.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <set>

#include "cordata/cluster/presets.h"
#include "cordata/ir/op_table.h"
#include "cordata/models/zoo.h"
#include "cordata/planner/layers/step_layers.h"
#include "cordata/planner/planner.h"
#include "cordata/simulate/simulate.h"
#include "cordata/step/recompute.h"
#include "tests/plans/same_answer.h"

namespace cordata::tests {
namespace {

using step::Phase;
using step::Remat;

struct GptStep {
  step::RematStep step;
  std::vector<bool> entered;  // by layer: a cotangent enters it
};

GptStep gpt_step(Remat remat) {
  const auto joint =
      step::build_joint(models::build_train_step("gpt:layers=2,hidden=16,heads=2,seq=8,vocab=16,batch=4"), 1);
  const auto found = planner::step_layers(joint, 0, 4);
  const std::vector by_layer(found.count, remat);
  GptStep out{step::rematerialise(joint, found.of_op, by_layer), {}};
  for (const auto& arrives :
       step::find_recompute(joint, found.of_op, std::vector(found.count, Remat::kLayer)).arrives)
    out.entered.push_back(!arrives.empty());
  return out;
}

// What layers that a cotangent enters keep for their own backward pass: none of it passes between layers.
std::vector<std::string> interior(const GptStep& gpt) {
  const step::RematStep& s = gpt.step;
  const ir::Graph& g = s.joint.graph;
  std::vector<std::set<std::pair<Phase, int>>> readers(g.num_values());
  for (size_t i = 0; i < g.ops().size(); ++i)
    for (ir::ValueId v : step::reads(g, g.node(g.ops()[i])))
      readers[v.index].insert({s.joint.phase[i], s.layers[i]});
  std::vector<std::string> out;
  for (size_t i = 0; i < g.ops().size(); ++i) {
    const ir::Node& node = g.node(g.ops()[i]);
    const int layer = s.layers[i];
    if (s.joint.phase[i] != Phase::kForward || layer < 0 || !gpt.entered[layer]) continue;
    const auto& by = readers[node.result().index];
    const bool own = std::all_of(by.begin(), by.end(), [&](const auto& r) { return r.second == layer; });
    if (own && by.contains({Phase::kBackward, layer})) out.emplace_back(ir::name(node.kind));
  }
  return out;
}

TEST(RematGpt, LayersKeepNothingOfTheirOwn) {
  const GptStep plain = gpt_step(Remat::kNone);
  EXPECT_GT(interior(plain).size(), 20u);
  EXPECT_THAT(interior(gpt_step(Remat::kLayer)), testing::IsEmpty());
  // All but those that end in the loss.
  const auto first_without = std::find(plain.entered.begin(), plain.entered.end(), false);
  EXPECT_LE(plain.entered.end() - first_without, 2);
}

TEST(RematGpt, SelectiveKeepsMatmulsAndSumsAlone) {
  const GptStep gpt = gpt_step(Remat::kSelective);
  EXPECT_THAT(interior(gpt), testing::Each(testing::AnyOf("stablehlo.dot_general", "stablehlo.reduce")));
  const step::RematStep& s = gpt.step;
  std::set<int> seen;
  for (size_t i = 0; i < s.origin.size(); ++i)
    if (s.origin[i] >= 0 && s.joint.graph.node(s.joint.graph.ops()[i]).kind == ir::OpKind::kDotGeneral) {
      EXPECT_TRUE(seen.insert(s.origin[i]).second);  // none is done twice
    }
}

struct Case {
  const char* planner;
  int microbatches;
  Remat remat;
};

void PrintTo(const Case& c, std::ostream* out) { *out << c.planner << ", " << step::name(c.remat); }

plan::Plan make_plan(const step::TrainStep& step, const Case& c) {
  return planner::plan(step, cluster::local(4),
                       {.name = c.planner, .microbatches = c.microbatches, .layers = 4, .remat = c.remat});
}

constexpr const char* kGpt = "gpt:layers=1,hidden=32,heads=4,seq=16,vocab=32,batch=16";

constexpr const char* kPipeline = "pipeline:stages=2,data=2,schedule=1f1b";

class RematLosses : public testing::TestWithParam<Case> {};
TEST_P(RematLosses, LikeOneDevice) {
  const auto step = models::build_train_step(kGpt);
  expect_same_losses(step, make_plan(step, GetParam()));
}
INSTANTIATE_TEST_SUITE_P(Plans, RematLosses,
                         testing::Values(Case{"data", 2, Remat::kLayer}, Case{"tensor", 1, Remat::kSelective},
                                         Case{kPipeline, 4, Remat::kSelective}));

class RematSteps : public testing::TestWithParam<Case> {};
TEST_P(RematSteps, LikeOneDeviceInDouble) {
  const auto step = models::build_train_step(std::string(kGpt) + ",dtype=f64,optimizer=sgd");
  expect_same_step(step, make_plan(step, GetParam()));
}
INSTANTIATE_TEST_SUITE_P(Plans, RematSteps,
                         testing::Values(Case{"tensor", 1, Remat::kLayer}, Case{"zero-3", 1, Remat::kLayer},
                                         Case{kPipeline, 4, Remat::kLayer}));

// Activations dominate: 128 tokens of 8 samples a device.
struct Peaks {
  double simulated, measured;
};
Peaks peaks(Remat remat) {
  const auto step = models::build_train_step("gpt:layers=2,hidden=64,heads=4,seq=128,vocab=64,batch=8");
  const auto plan =
      planner::plan(step, cluster::local(1), {.name = "single", .microbatches = 1, .remat = remat});
  const auto program =
      program::lower(plan::planned_step(step, plan), step, plan, partition::CollectiveMode::kCustomCall);
  return {simulate::simulate(program, plan.cluster, {}).peak_memory.value,
          static_cast<double>(run_program(step, program, 1).peak_bytes)};
}

TEST(RematMemory, FallsAsPredictedAndAsMeasured) {
  const Peaks none = peaks(Remat::kNone), selective = peaks(Remat::kSelective), layer = peaks(Remat::kLayer);
  fmt::print("simulated MB: {:.1f} none, {:.1f} selective, {:.1f} layer; measured: {:.1f}, {:.1f}, {:.1f}\n",
             none.simulated * 1e-6, selective.simulated * 1e-6, layer.simulated * 1e-6, none.measured * 1e-6,
             selective.measured * 1e-6, layer.measured * 1e-6);
  EXPECT_LT(layer.simulated, 0.75 * none.simulated);
  EXPECT_LT(layer.measured, 0.75 * none.measured);
  EXPECT_LT(selective.measured, 0.9 * none.measured);
  EXPECT_LT(layer.measured, selective.measured);
}

}  // namespace
}  // namespace cordata::tests
