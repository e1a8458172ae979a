// SPDX-License-Identifier: Apache-2.0
#include "cordata/step/remat.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <array>

#include "cordata/ir/autodiff.h"
#include "cordata/ir/builder.h"
#include "cordata/step/recompute.h"

namespace cordata::step {
namespace {

using ir::OpKind;
using ir::ValueId;
using testing::ElementsAre;
using testing::IsEmpty;
using testing::UnorderedElementsAre;

const ir::Type kMatrix = ir::Type::tensor(ir::DType::kF32, {4, 4});
const ir::Type kKey = ir::Type::tensor(ir::DType::kUI64, {2});

// x <- tanh(cos(sin(x w))), three times; the loss is the sum of squares. The derivatives want the results of
// all ops but the cosine. Besides, the second layer's sine may be a new state, or be multiplied by random
// numbers.
enum class Besides : uint8_t { kNothing, kState, kRandom };

ValueId random_matrix(ir::GraphBuilder& b, ValueId key) {
  const auto algorithm = ir::Attribute::enumeration("stablehlo.rng_algorithm", "THREE_FRY");
  const ir::Type bits = ir::Type::tensor(ir::DType::kUI32, kMatrix.shape);
  const ir::NodeId drawn =
      b.create(OpKind::kRngBitGenerator, {key}, {{"rng_algorithm", algorithm}}, {b.type(key), bits});
  return b.convert(b.node(drawn).result(1), kMatrix.dtype);
}

ir::Graph three_layers(Besides besides) {
  ir::GraphBuilder b;
  std::array<ValueId, 3> w;
  for (ValueId& v : w) v = b.arg(kMatrix);
  ValueId x = b.arg(kMatrix), made;
  if (besides == Besides::kState) b.arg(kMatrix);
  ValueId key;
  if (besides == Besides::kRandom) key = b.arg(kKey);
  for (int l = 0; l < 3; ++l) {
    ValueId sine = b.unary(OpKind::kSine, b.dot_general(x, w[l], {}, {}, {1}, {0}, ir::DType::kF32));
    if (l == 1) made = sine;
    if (l == 1 && key.valid()) sine = b.mul(sine, random_matrix(b, key));
    x = b.unary(OpKind::kTanh, b.unary(OpKind::kCosine, sine));
  }
  const ValueId loss = b.reduce(OpKind::kAdd, b.mul(x, x), 0, {0, 1});
  return ir::gradient(b.finish(besides == Besides::kState ? std::vector{loss, made} : std::vector{loss}),
                      std::array{0, 1, 2});
}

ir::Graph descend() {
  ir::GraphBuilder b;
  std::vector<ValueId> args, results;
  for (int i = 0; i < 6; ++i) args.push_back(b.arg(kMatrix));
  for (int i = 0; i < 3; ++i) results.push_back(b.sub(args[i], args[3 + i]));
  return b.finish(results);
}

std::vector<Port> ports(Role role) { return {{role, 0, "0", -1}, {role, 1, "1", -1}, {role, 2, "2", -1}}; }

void append(std::vector<Port>& to, std::vector<Port> more) { to.insert(to.end(), more.begin(), more.end()); }

JointStep joint_step(Besides besides = Besides::kNothing) {
  const bool state = besides == Besides::kState;
  TrainStep step;
  step.batch = 4, step.microbatch_sizes = {4};
  step.grad = [=](int64_t) { return three_layers(besides); };
  step.apply = descend();
  append(step.grad_args, ports(Role::kParam));
  step.grad_args.push_back({Role::kBatch, 0, "x", 0});
  step.grad_results.push_back({Role::kLoss, 0, "loss", -1});
  if (state) step.grad_args.push_back({Role::kState, 0, "s", -1});
  if (besides == Besides::kRandom) step.grad_args.push_back({Role::kKey, 0, "key", -1});
  if (state) step.grad_results.push_back({Role::kState, 0, "s", -1});
  append(step.grad_results, ports(Role::kGrad));
  append(step.apply_args, ports(Role::kParam)), append(step.apply_args, ports(Role::kGrad));
  append(step.apply_results, ports(Role::kParam));
  return build_joint(step, 1);
}

const ir::Node& op(const JointStep& joint, int i) { return joint.graph.node(joint.graph.ops()[i]); }
int num_ops(const JointStep& joint) { return static_cast<int>(joint.graph.ops().size()); }

// A layer begins with its matmul.
Layers layers_of(const JointStep& joint) {
  Layers forward(joint.graph.ops().size(), -1);
  int layer = -1;
  for (int i = 0; i < num_ops(joint); ++i) {
    if (joint.phase[i] != Phase::kForward || op(joint, i).operands.empty()) continue;
    layer += op(joint, i).kind == OpKind::kDotGeneral;
    forward[i] = layer;
  }
  return extend_to_backward(joint, forward);
}

RematStep rewritten(Remat remat, Besides besides = Besides::kNothing) {
  const JointStep joint = joint_step(besides);
  return rematerialise(joint, layers_of(joint), std::vector(3, remat));
}

using Where = std::pair<int, OpKind>;  // layer and kind of op

std::vector<Where> repeated(const RematStep& s) {
  std::vector<Where> out;
  std::vector<int> seen;
  for (int i = 0; i < num_ops(s.joint); ++i) {
    if (s.origin[i] < 0) continue;
    if (std::find(seen.begin(), seen.end(), s.origin[i]) != seen.end())
      out.emplace_back(s.layers[i], op(s.joint, i).kind);
    seen.push_back(s.origin[i]);
  }
  return out;
}

// What the forward pass makes and the backward pass reads.
std::vector<Where> residuals(const RematStep& s) {
  const ir::Graph& g = s.joint.graph;
  std::vector<bool> read(g.num_values(), false);
  for (int i = 0; i < num_ops(s.joint); ++i)
    for (ValueId v : reads(g, op(s.joint, i)))
      if (s.joint.phase[i] == Phase::kBackward) read[v.index] = true;
  std::vector<Where> out;
  for (int i = 0; i < num_ops(s.joint); ++i)
    if (const auto& node = op(s.joint, i);
        s.joint.phase[i] == Phase::kForward && !node.operands.empty() && read[node.result().index])
      out.emplace_back(s.layers[i], node.kind);
  return out;
}

constexpr OpKind kDot = OpKind::kDotGeneral;

TEST(Remat, NoneIsTheStepItself) {
  const JointStep joint = joint_step();
  const Layers layers = layers_of(joint);
  for (const auto& by_layer : {std::vector<Remat>{}, std::vector(3, Remat::kNone)}) {
    const RematStep same = rematerialise(joint, layers, by_layer);
    EXPECT_EQ(ir::structural_hash(same.joint.graph), ir::structural_hash(joint.graph));
    EXPECT_EQ(same.layers, layers);
    EXPECT_THAT(repeated(same), IsEmpty());
    EXPECT_THAT(residuals(same),
                UnorderedElementsAre(Where{0, kDot}, Where{0, OpKind::kSine}, Where{0, OpKind::kTanh},
                                     Where{1, kDot}, Where{1, OpKind::kSine}, Where{1, OpKind::kTanh},
                                     Where{2, kDot}, Where{2, OpKind::kSine}, Where{2, OpKind::kTanh}));
  }
}

// Of the last layer everything is kept: no cotangent says when its backward pass is.
TEST(Remat, LayersKeepOnlyWhatPassesBetweenThem) {
  const RematStep s = rewritten(Remat::kLayer);
  EXPECT_THAT(repeated(s),
              ElementsAre(Where{1, kDot}, Where{1, OpKind::kSine}, Where{0, kDot}, Where{0, OpKind::kSine}));
  EXPECT_THAT(residuals(s),
              UnorderedElementsAre(Where{0, OpKind::kTanh}, Where{1, OpKind::kTanh}, Where{2, kDot},
                                   Where{2, OpKind::kSine}, Where{2, OpKind::kTanh}));
}

TEST(Remat, SelectiveKeepsContractions) {
  const RematStep s = rewritten(Remat::kSelective);
  EXPECT_THAT(repeated(s), ElementsAre(Where{1, OpKind::kSine}, Where{0, OpKind::kSine}));
  EXPECT_THAT(residuals(s), UnorderedElementsAre(Where{0, kDot}, Where{0, OpKind::kTanh}, Where{1, kDot},
                                                 Where{1, OpKind::kTanh}, Where{2, kDot},
                                                 Where{2, OpKind::kSine}, Where{2, OpKind::kTanh}));
}

TEST(Remat, LayersMayDiffer) {
  const JointStep joint = joint_step();
  const RematStep s =
      rematerialise(joint, layers_of(joint), {Remat::kSelective, Remat::kLayer, Remat::kNone});
  EXPECT_THAT(repeated(s), ElementsAre(Where{1, kDot}, Where{1, OpKind::kSine}, Where{0, OpKind::kSine}));
}

TEST(Remat, ANewStateIsMadeOnce) {
  EXPECT_THAT(repeated(rewritten(Remat::kLayer, Besides::kState)),
              ElementsAre(Where{1, kDot}, Where{0, kDot}, Where{0, OpKind::kSine}));
}

TEST(Remat, RandomNumbersAreDrawnOnce) {
  EXPECT_THAT(repeated(rewritten(Remat::kLayer, Besides::kRandom)),
              UnorderedElementsAre(Where{1, kDot}, Where{1, OpKind::kSine}, Where{1, OpKind::kConvert},
                                   Where{1, OpKind::kMultiply}, Where{0, kDot}, Where{0, OpKind::kSine}));
}

// Copies start from values that wait for what the layer above has made in its backward pass.
TEST(Remat, CopiesWaitForTheLayersCotangents) {
  const RematStep s = rewritten(Remat::kLayer);
  std::vector<int> layer_made(s.joint.graph.num_values(), -1);
  std::vector<bool> backward(s.joint.graph.num_values(), false);
  int waits = 0;
  for (int i = 0; i < num_ops(s.joint); ++i) {
    const ir::Node& node = op(s.joint, i);
    if (node.kind == OpKind::kAfter) {
      ++waits;
      ASSERT_EQ(node.operands.size(), 2u);
      EXPECT_FALSE(backward[node.operands[0].index]);
      EXPECT_TRUE(backward[node.operands[1].index]);
      EXPECT_GT(layer_made[node.operands[1].index], s.layers[i]);
      EXPECT_EQ(op(s.joint, i + 1).kind, kDot);
      EXPECT_EQ(op(s.joint, i + 1).operands[0], node.result());
    }
    for (int r = 0; r < node.num_results; ++r) {
      layer_made[node.result(r).index] = s.layers[i];
      backward[node.result(r).index] = s.joint.phase[i] == Phase::kBackward && s.layers[i] >= 0;
    }
  }
  EXPECT_EQ(waits, 2);  // the first layer's batch, the second's input
}

TEST(Remat, SaysWhereOpsComeFrom) {
  const JointStep joint = joint_step();
  const RematStep s = rewritten(Remat::kLayer), again = rewritten(Remat::kLayer);
  EXPECT_EQ(s.origin, again.origin);
  std::vector<int> first;
  for (int i = 0; i < num_ops(s.joint); ++i) {
    if (s.origin[i] < 0) continue;
    EXPECT_EQ(op(s.joint, i).kind, op(joint, s.origin[i]).kind);
    if (std::find(first.begin(), first.end(), s.origin[i]) == first.end()) first.push_back(s.origin[i]);
  }
  EXPECT_EQ(static_cast<int>(first.size()), num_ops(joint));
}

}  // namespace
}  // namespace cordata::step
