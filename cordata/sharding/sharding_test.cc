// SPDX-License-Identifier: Apache-2.0
#include "cordata/sharding/sharding.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace cordata::sharding {
namespace {

using ir::DType;
using ir::Factor;
using ir::FactorKind;
using ir::FactorRule;
using ir::ReduceKind;
using ir::Type;
using testing::ElementsAre;

Sharding on(std::vector<Placement> placements) {
  Sharding s;
  for (size_t a = 0; a < placements.size(); ++a) s.at[a] = placements[a];
  return s;
}

Strategy use(std::vector<AxisUse> uses) {
  Strategy s;
  for (size_t a = 0; a < uses.size(); ++a) s.use[a] = uses[a];
  return s;
}

// ([i, k], [k, j])->([i, j])
FactorRule matmul(int64_t i, int64_t j, int64_t k) {
  return {.factors = {{i}, {j}, {k, FactorKind::kReduce}},
          .operands = {{{0}, {2}}, {{2}, {1}}},
          .results = {{{0}, {1}}},
          .linear = {1, 2}};
}

TEST(Mesh, GroupsAlongAxesHoldEveryDeviceOnce) {
  Mesh mesh{{2, 3}, {}};
  EXPECT_THAT(mesh.groups(1), ElementsAre(ElementsAre(0, 3), ElementsAre(1, 4), ElementsAre(2, 5)));
  EXPECT_THAT(mesh.groups(2), ElementsAre(ElementsAre(0, 1, 2), ElementsAre(3, 4, 5)));
  EXPECT_THAT(mesh.groups(3), ElementsAre(ElementsAre(0, 1, 2, 3, 4, 5)));
  EXPECT_EQ(mesh.groups(0).size(), 6u);
  EXPECT_EQ(mesh.coordinate(4, 0), 1);
  EXPECT_EQ(mesh.coordinate(4, 1), 1);
}

TEST(Sharding, AxesNestInOrder) {
  Mesh mesh{{2, 3}, {}};
  Type type = Type::tensor(DType::kF32, {12, 5});
  Sharding both = on({0, 0});
  ASSERT_TRUE(fits(type, both, mesh));
  EXPECT_EQ(local_type(type, both, mesh), Type::tensor(DType::kF32, {2, 5}));
  for (int64_t device = 0; device < 6; ++device) {
    EXPECT_THAT(block_start(type, both, mesh, device), ElementsAre(device * 2, 0));
  }
  EXPECT_FALSE(fits(type, on({1}), mesh));
  EXPECT_FALSE(fits(type, on({2}), mesh));
  EXPECT_EQ(to_string(on({0, partial(ReduceKind::kAdd)}), type, mesh), "[{0}, {}] partial{add:1}");
}

TEST(Strategy, MatmulOverOneAxis) {
  FactorRule rule = matmul(4, 4, 4);
  Mesh mesh{{2}, {}};
  EXPECT_THAT(enumerate_strategies(rule, mesh),
              ElementsAre(use({kNone}), use({0}), use({1}), use({2}), use({linear(0)}), use({linear(1)})));
  EXPECT_EQ(operand_sharding(rule, use({2}), 0), on({1}));
  EXPECT_EQ(operand_sharding(rule, use({2}), 1), on({0}));
  EXPECT_EQ(result_sharding(rule, use({2}), 0), on({partial(ReduceKind::kAdd)}));
  EXPECT_EQ(operand_sharding(rule, use({linear(0)}), 0), on({partial(ReduceKind::kAdd)}));
  EXPECT_EQ(operand_sharding(rule, use({linear(0)}), 1), on({kReplicated}));
  EXPECT_EQ(result_sharding(rule, use({linear(0)}), 0), on({partial(ReduceKind::kAdd)}));
}

TEST(Strategy, AxesMustDivideWhatIsLeft) {
  Mesh mesh{{2, 2}, {}};
  auto all = enumerate_strategies(matmul(6, 1, 4), mesh);
  EXPECT_THAT(all, testing::Contains(use({2, 2})));
  EXPECT_THAT(all, testing::Contains(use({0, 2})));
  EXPECT_THAT(all, testing::Not(testing::Contains(use({0, 0}))));
  EXPECT_THAT(all, testing::Not(testing::Contains(use({1, kNone}))));
}

TEST(Strategy, CompoundDimsAreShardedOnTheirMajorFactor) {
  // reshape [i j] -> [i, j]
  FactorRule rule{.factors = {{4}, {4}}, .operands = {{{0, 1}}}, .results = {{{0}, {1}}}, .linear = {1}};
  Mesh mesh{{2}, {}};
  EXPECT_THAT(enumerate_strategies(rule, mesh), ElementsAre(use({kNone}), use({0}), use({linear(0)})));
  EXPECT_EQ(operand_sharding(rule, use({0}), 0), on({0}));
  rule.factors[0].size = 1;  // a major factor of one element doesn't stand in the way
  EXPECT_THAT(enumerate_strategies(rule, mesh), testing::Contains(use({1})));
  EXPECT_EQ(operand_sharding(rule, use({1}), 0), on({0}));
  EXPECT_EQ(result_sharding(rule, use({1}), 0), on({1}));
}

TEST(Strategy, AFactorTwiceInOneTensorIsNeverSharded) {
  FactorRule diagonal{.factors = {{4}}, .operands = {{{0}, {0}}}, .results = {{{0}}}, .linear = {}};
  EXPECT_THAT(enumerate_strategies(diagonal, Mesh{{2}, {}}), ElementsAre(use({kNone})));
}

TEST(Strategy, MaximaAndSumsDontMix) {
  FactorRule rule{.factors = {{4, FactorKind::kReduce, ReduceKind::kMax}},
                  .operands = {{{0}}},
                  .results = {{}},
                  .linear = {1}};
  auto all = enumerate_strategies(rule, Mesh{{2, 2}, {}});
  EXPECT_THAT(all, testing::Contains(use({0, 0})));
  EXPECT_THAT(all, testing::Not(testing::Contains(use({0, linear(0)}))));
  EXPECT_THAT(all, testing::Not(testing::Contains(use({linear(0), 0}))));
}

TEST(Strategy, AxesOfOneDeviceAreNotUsed) {
  EXPECT_EQ(enumerate_strategies(matmul(4, 4, 4), Mesh{{1, 1}, {}}).size(), 1u);
  EXPECT_EQ(enumerate_shardings(Type::tensor(DType::kF32, {4}), Mesh{{1, 2}, {}}, true).size(), 3u);
}

}  // namespace
}  // namespace cordata::sharding
