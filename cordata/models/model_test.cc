// SPDX-License-Identifier: Apache-2.0
// What the graphs of the zoo look like; that they compute the right thing is tests/oracle/test_models.py's to
// say.
#include "cordata/models/model.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstring>

#include "cordata/models/zoo.h"

namespace cordata::models {
namespace {

int count(const ir::Graph& g, ir::OpKind kind) {
  return static_cast<int>(
      std::ranges::count_if(g.ops(), [&](ir::NodeId n) { return g.node(n).kind == kind; }));
}

ZooModel small_gpt(const std::string& more = "") {
  return parse_model("gpt:layers=2,hidden=16,heads=2,seq=8,vocab=32,batch=6" + more);
}

TEST(Model, HasAGradientForEveryDivisorOfTheBatch) {
  step::TrainStep step = build_train_step(small_gpt());
  EXPECT_EQ(step.microbatch_sizes, (std::vector<int64_t>{1, 2, 3, 6}));
  for (int64_t size : step.microbatch_sizes) {
    ir::Graph g = step.grad(size);
    EXPECT_EQ(g.type(g.args().back()).shape, (ir::Shape{size, 9}));
  }
}

TEST(Model, HasThreeMatrixProductsInAStepForEachInTheLoss) {
  // Two for the gradient of each product, one of which is dead where its operand is data: the one-hot rows of
  // the ids.
  ZooModel zoo = small_gpt();
  int forward = count(build_loss(build_model(zoo), 2), ir::OpKind::kDotGeneral);
  EXPECT_EQ(forward, 1 + 2 * 8 + 1);
  EXPECT_EQ(count(build_train_step(zoo).grad(2), ir::OpKind::kDotGeneral), 3 * forward - 1);
}

TEST(Model, GathersFromALargeVocabulary) {
  ir::Graph g =
      build_train_step(parse_model("gpt:layers=1,hidden=16,heads=2,seq=8,vocab=4096,batch=2")).grad(2);
  EXPECT_EQ(count(g, ir::OpKind::kGather), 1);
  EXPECT_EQ(count(g, ir::OpKind::kScatter), 1);
}

TEST(Model, TiesTheEmbeddingOnlyWhenAsked) {
  size_t tied = build_model(small_gpt()).parameters.size(),
         apart = build_model(small_gpt(",tied=0")).parameters.size();
  EXPECT_EQ(apart, tied + 1);
}

TEST(Model, KeepsMastersInF32UnderBf16) {
  Model model = build_model(small_gpt(",dtype=bf16"));
  for (const Parameter& p : model.parameters) EXPECT_EQ(p.type.dtype, ir::DType::kF32) << p.name;
  ir::Graph loss = build_loss(model, 2);
  EXPECT_EQ(loss.type(loss.results()[0]).dtype, ir::DType::kF32);
  bool narrow = std::ranges::any_of(loss.ops(), [&](ir::NodeId n) {
    return loss.node(n).kind == ir::OpKind::kDotGeneral &&
           loss.type(loss.node(n).result()).dtype == ir::DType::kBF16;
  });
  EXPECT_TRUE(narrow);
}

TEST(Optimizer, HasTheStatesItsRuleNeeds) {
  auto states = [](const std::string& spec) { return build_train_step(spec).num_opt_states(); };
  EXPECT_EQ(states("mlp:layers=2,optimizer=sgd"), 0);
  EXPECT_EQ(states("mlp:layers=2,optimizer=sgd,warmup=2"), 1);
  EXPECT_EQ(states("mlp:layers=2,optimizer=momentum"), 4);
  EXPECT_EQ(states("mlp:layers=2,optimizer=adamw"), 2 * 4 + 1);
}

std::vector<float> values(const Parameter& p, uint64_t seed) {
  step::HostTensor t = initial_value(p, seed);
  std::vector<float> out(t.bytes.size() / sizeof(float));
  std::memcpy(out.data(), t.bytes.data(), t.bytes.size());
  return out;
}

TEST(InitialValue, DependsOnSeedNameAndPlaceAlone) {
  Parameter p = weight("w", ir::DType::kF32, {64, 32}, 0.5);
  EXPECT_EQ(values(p, 1), values(p, 1));
  EXPECT_NE(values(p, 1), values(p, 2));
  EXPECT_NE(values(p, 1), values(weight("v", ir::DType::kF32, {64, 32}, 0.5), 1));
  std::vector<float> longer = values(weight("w", ir::DType::kF32, {65, 32}, 0.5), 1), shorter = values(p, 1);
  EXPECT_TRUE(std::equal(shorter.begin(), shorter.end(), longer.begin()));
}

TEST(InitialValue, IsNormalWithTheParametersDeviation) {
  std::vector<float> v = values(weight("w", ir::DType::kF32, {200, 200}, 0.5), 7);
  double mean = 0, square = 0, inside = 0;
  for (float x : v) mean += x, square += double{x} * x, inside += std::abs(x) < 0.5;
  double n = static_cast<double>(v.size());
  EXPECT_NEAR(mean / n, 0, 0.01);
  EXPECT_NEAR(std::sqrt(square / n), 0.5, 0.01);
  EXPECT_NEAR(inside / n, 0.6827, 0.01);
  for (float x : values(filled("g", ir::DType::kF32, {5}, 1), 7)) EXPECT_EQ(x, 1);
}

}  // namespace
}  // namespace cordata::models
