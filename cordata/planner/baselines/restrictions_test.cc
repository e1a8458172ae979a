// SPDX-License-Identifier: Apache-2.0
#include "cordata/planner/baselines/restrictions.h"

#include <gmock/gmock.h>

#include "cordata/base/error.h"

namespace cordata::planner {
namespace {

using sharding::Sharding;
using sharding::Strategy;

ir::FactorRule matmul(int64_t i, int64_t k, int64_t j) {
  return {{{i}, {k, ir::FactorKind::kReduce}, {j}}, {{{0}, {1}}, {{1}, {2}}}, {{{0}, {2}}}, {0b01, 0b10}};
}
ir::FactorRule elementwise(int64_t i, int64_t j, int operands) {
  ir::FactorRule r{{{i}, {j}}, {}, {{{0}, {1}}}, {}};
  for (int k = 0; k < operands; ++k) r.operands.push_back({{0}, {1}});
  return r;
}

// y = x w; dw = x^T y (a contraction over samples), accumulated; w and a moment are updated with it.
StageView training(int64_t batch) {
  const auto f32 = [](int64_t a, int64_t b) { return ir::Type::tensor(ir::DType::kF32, {a, b}); };
  StageView s;
  s.values = {f32(8, 4), f32(8, 4), f32(batch, 8), f32(batch, 4), f32(8, 4), f32(8, 4), f32(8, 4), f32(8, 4)};
  s.args = {0, 1, 2};
  s.arg_kinds = {{step::ArgKind::kParam, 0}, {step::ArgKind::kOptState, 0}, {step::ArgKind::kBatch, 0}};
  s.batch_dim = {-1, -1, 0};
  ir::FactorRule transposed = matmul(8, batch, 4);
  transposed.operands[0] = {{1}, {0}};
  const step::Pass backward{step::Phase::kBackward, 0}, apply{step::Phase::kApply, 0};
  ir::FactorRule sum = elementwise(8, 4, 1);
  sum.linear = {0b1};
  s.ops = {{matmul(batch, 8, 4), {2, 0}, {3}, {}, 1e-3},
           {transposed, {2, 3}, {4}, backward, 1e-3},
           {sum, {4}, {5}, backward, 1e-6, 0, false, true},
           {elementwise(8, 4, 2), {1, 5}, {6}, apply, 1e-6},
           {elementwise(8, 4, 2), {0, 6}, {7}, apply, 1e-6}};
  s.results = {7, 6};
  s.result_kinds = {{step::ResultKind::kNewParam, 0}, {step::ResultKind::kNewOptState, 0}};
  return s;
}

sharding::Mesh devices(int64_t n) { return {{n}, {{base::Seconds(1e-6), base::BytesPerSecond(1e9)}}}; }

// By op: the strategies a planner leaves, as the use of axis 0.
std::vector<int> left(const BuiltProblem& built, BuiltProblem::Node::Kind kind, int index) {
  std::vector<int> out;
  for (const auto& n : built.nodes)
    if (n.kind == kind && n.index == index) {
      for (const auto& s : n.strategies) out.push_back(s.use[0]);
      for (const auto& s : n.shardings) out.push_back(s.at[0]);
    }
  return out;
}

using ::testing::Contains;
using ::testing::Each;
using ::testing::ElementsAre;
using ::testing::Ge;
using Kind = BuiltProblem::Node::Kind;

TEST(Restrictions, SamplesAreFollowedThroughFactors) {
  const auto dims = batch_dims(training(16));
  EXPECT_EQ(dims[2], (std::vector<bool>{true, false}));
  EXPECT_EQ(dims[3], (std::vector<bool>{true, false}));   // y
  EXPECT_EQ(dims[4], (std::vector<bool>{false, false}));  // the gradient: samples are summed away
  EXPECT_EQ(dims[0], (std::vector<bool>{false, false}));
}

TEST(Restrictions, DataSplitsSamplesOnly) {
  const auto s = training(16);
  const auto built = build_problem(s, devices(4), restriction({"data"}, s, devices(4)));
  EXPECT_THAT(left(built, Kind::kOp, 0), ElementsAre(0));  // samples
  EXPECT_THAT(left(built, Kind::kOp, 1), ElementsAre(1));  // contracted: a partial gradient
  EXPECT_THAT(left(built, Kind::kArg, 0), ElementsAre(-1));
  EXPECT_THAT(left(built, Kind::kArg, 1), ElementsAre(-1));
  EXPECT_THAT(left(built, Kind::kArg, 2), ElementsAre(0));
  EXPECT_THAT(left(built, Kind::kOp, 3), ElementsAre(-1));  // the update runs whole
}

TEST(Restrictions, ZeroShardsStateThenParameters) {
  const auto s = training(16);
  const auto two = build_problem(s, devices(4), restriction({"zero-2"}, s, devices(4)));
  EXPECT_THAT(left(two, Kind::kArg, 0), ElementsAre(-1));
  EXPECT_THAT(left(two, Kind::kArg, 1), Each(Ge(0)));
  EXPECT_THAT(left(two, Kind::kOp, 2), Each(Ge(0)));  // reduce-scattered into its accumulator
  const auto three = build_problem(s, devices(4), restriction({"zero-3"}, s, devices(4)));
  EXPECT_THAT(left(three, Kind::kArg, 0), Each(Ge(0)));
}

TEST(Restrictions, TensorSplitsNoSamples) {
  const auto s = training(16);
  const auto built = build_problem(s, devices(4), restriction({"tensor"}, s, devices(4)));
  EXPECT_THAT(left(built, Kind::kOp, 0), ElementsAre(1, 2));
  EXPECT_THAT(left(built, Kind::kOp, 1), ElementsAre(0, 2));
  EXPECT_THAT(left(built, Kind::kArg, 2), ElementsAre(-1));
  EXPECT_THAT(left(built, Kind::kArg, 0), Contains(1));
}

TEST(Restrictions, ABatchThatDoesNotDivideIsAnErrorThatNamesTheNearest) {
  const auto s = training(8);
  for (const char* name : {"data", "zero-2", "zero-3"}) try {
      (void)restriction({name}, s, devices(3));
      ADD_FAILURE() << name;
    } catch (const base::Error& e) {
      EXPECT_EQ(e.kind(), base::ErrorKind::kUser);
      EXPECT_THAT(e.what(), ::testing::HasSubstr("6 or 9"));
    }
  EXPECT_THAT(nearest_batches(2, 4), ElementsAre(4));
  EXPECT_THAT(nearest_batches(8, 4), ElementsAre(8));
  EXPECT_THROW((void)restriction({"dta"}, s, devices(2)), base::Error);
}

}  // namespace
}  // namespace cordata::planner
