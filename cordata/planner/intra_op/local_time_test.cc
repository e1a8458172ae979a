// SPDX-License-Identifier: Apache-2.0
#include "cordata/planner/intra_op/local_time.h"

#include <gtest/gtest.h>

namespace cordata::planner {
namespace {

using sharding::Strategy;

// x (16 x 8) times w (8 x 4), in the forward pass of two microbatches, and their sum with itself once a step.
// The product takes 8 s whole, by roofline, 1 s of it to start.
StageView product_and_sum() {
  StageView s;
  const auto type = [](int64_t m, int64_t n) { return ir::Type::tensor(ir::DType::kF32, {m, n}); };
  s.values = {type(16, 8), type(8, 4), type(16, 4), type(16, 4)};
  s.args = {0, 1};
  s.microbatches = 2;
  StageView::Op product, sum;
  product.rule = {{{16}, {4}, {8, ir::FactorKind::kReduce}}, {{{0}, {2}}, {{2}, {1}}}, {{{0}, {1}}}, {}};
  product.operands = {0, 1}, product.results = {2};
  product.pass = {step::Phase::kForward, 0};
  product.seconds = 7, product.launch = 1;
  sum.rule = {{{16}, {4}}, {{{0}, {1}}, {{0}, {1}}}, {{{0}, {1}}}, {}};
  sum.operands = {2, 2}, sum.results = {3};
  sum.pass = {step::Phase::kApply, 0};
  sum.seconds = 2;
  s.ops = {product, sum};
  return s;
}

const sharding::Mesh kPair{{2}, {}};
Strategy along(int factor) {
  Strategy s;
  s.use[0] = static_cast<sharding::AxisUse>(factor);
  return s;
}
const Strategy kWhole, kRows = along(0), kColumns = along(1), kSummed = along(2);

TEST(LocalTime, IsTheRooflineOfTheShardWhereNothingWasMeasured) {
  const auto s = product_and_sum();
  EXPECT_DOUBLE_EQ(local_seconds(s, s.ops[0], kWhole, kPair), 8);
  EXPECT_DOUBLE_EQ(local_seconds(s, s.ops[0], kRows, kPair), 3.5 + 1);
  EXPECT_FALSE(is_measured(s, s.ops[0], kRows, kPair));
}

TEST(LocalTime, IsWhatWasMeasuredOfShardsOfThoseSizes) {
  auto s = product_and_sum();
  const cost::MeasuredTimes times = {{{-1, 8, 8, -1, 8, 4, -1, 16, 4}, 100},  // of no shard
                                     {{-1, 8, 8, -1, 8, 4, -1, 8, 4}, 2},
                                     {{-1, 16, 4, -1, 4, 4, -1, 16, 4}, 3}};
  s.ops[0].measured = {&times, 10, 40};
  EXPECT_DOUBLE_EQ(local_seconds(s, s.ops[0], kRows, kPair), 20);
  EXPECT_DOUBLE_EQ(local_seconds(s, s.ops[0], kSummed, kPair), 30);
  EXPECT_DOUBLE_EQ(local_seconds(s, s.ops[0], kColumns, kPair), 4.5);
  EXPECT_TRUE(is_measured(s, s.ops[0], kRows, kPair));
  EXPECT_FALSE(is_measured(s, s.ops[0], kColumns, kPair));
  s.ops[0].slow_down(2);
  EXPECT_DOUBLE_EQ(local_seconds(s, s.ops[0], kRows, kPair), 40);
  EXPECT_DOUBLE_EQ(s.ops[0].least(), 80);
}

TEST(LocalTime, ShareOfAStep) {
  auto s = product_and_sum();
  plan::StageSharding chosen;
  chosen.ops = {kRows, kWhole};
  EXPECT_EQ(measured_share(s, chosen, kPair), 0);
  const cost::MeasuredTimes times = {{{-1, 8, 8, -1, 8, 4, -1, 8, 4}, 2}};
  s.ops[0].measured = {&times, 1, 4};
  EXPECT_DOUBLE_EQ(measured_share(s, chosen, kPair),
                   2 * 2.0 / (2 * 2 + 2));  // of two microbatches, and a sum
}

}  // namespace
}  // namespace cordata::planner
