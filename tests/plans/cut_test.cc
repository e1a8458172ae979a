// SPDX-License-Identifier: Apache-2.0
// What crosses between the stages of a real model, and what is held while they talk.
#include "cordata/step/cut.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "cordata/models/zoo.h"
#include "cordata/planner/layers/step_layers.h"
#include "cordata/step/remat.h"

namespace cordata::step {
namespace {

constexpr char kModel[] = "gpt:layers=14,hidden=64,heads=4,seq=16,vocab=4096,dtype=f16,batch=8,clip=1";
constexpr int kStages = 5;

Cut cut_in_stages(Remat remat) {
  const auto base = build_joint(models::build_train_step(kModel), 2);
  const auto layers = planner::step_layers(base, 0, 8);
  const auto planned = rematerialise(base, layers.of_op, std::vector(layers.count, remat));
  std::vector<int> stage;
  for (int l = 0; l < layers.count; ++l) stage.push_back(l * kStages / layers.count);
  return cut(planned.joint, planned.layers, stage);
}

// Activations and cotangents go to the next stage and no further, however cotangents are summed; the shared
// embedding's gradient goes once a step.
TEST(Cut, CotangentsGoToTheStageBefore) {
  for (const Remat remat : {Remat::kNone, Remat::kSelective, Remat::kLayer}) {
    int backward = 0;
    for (const Transfer& t : cut_in_stages(remat).transfers) {
      if (!t.type.is_tensor() || t.type.shape.empty()) continue;
      if (t.sent_after.phase == Phase::kApply) continue;
      EXPECT_EQ(std::abs(t.from_stage - t.to_stage), 1)
          << name(remat) << ": " << ir::to_string(t.type) << " from " << t.from_stage << " to " << t.to_stage;
      EXPECT_EQ(t.type.shape.size(), 3u) << name(remat) << ": " << ir::to_string(t.type);
      backward += t.sent_after.phase == Phase::kBackward;
    }
    EXPECT_GE(backward, kStages - 1);
    EXPECT_LE(backward, 2 * (kStages - 1)) << name(remat);  // in f32, and for matmuls in f16
  }
}

// While the stages add up the gradients' norm, each holds gradients and what was there before, no half-made
// updates.
TEST(Cut, UpdatesWaitForTheNorm) {
  for (const StageGraph& stage : cut_in_stages(Remat::kNone).stages) {
    const auto& g = stage.graph;
    const auto ops = g.ops();
    std::vector<Pass> made(g.num_nodes());
    for (size_t i = 0; i < ops.size(); ++i) made[ops[i].index] = stage.pass[i];
    std::vector<bool> crosses(g.num_values(), false);
    for (size_t i = 0; i < ops.size(); ++i)
      for (const ir::ValueId v : g.node(ops[i]).operands)
        if (const auto def = g.value(v).def; def.valid() && made[def.index].phase == Phase::kApply)
          crosses[v.index] = crosses[v.index] || made[def.index] < stage.pass[i];
    int64_t held = 0, params = 0;
    for (int v = 0; v < g.num_values(); ++v)
      if (crosses[v]) held += g.type(ir::ValueId(v)).num_bytes();
    for (size_t a = 0; a < stage.args.size(); ++a)
      if (stage.args[a].kind == ArgKind::kParam && stage.args[a].owner)
        params += g.type(g.args()[a]).num_bytes();
    EXPECT_LE(held, 1.1 * static_cast<double>(params));  // the gradients over M
  }
}

}  // namespace
}  // namespace cordata::step
