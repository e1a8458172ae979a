// SPDX-License-Identifier: Apache-2.0
#include "cordata/planner/intra_op/alternatives.h"

#include <gtest/gtest.h>

#include "cordata/base/error.h"
#include "cordata/planner/intra_op/solve.h"

namespace cordata::planner {
namespace {

constexpr step::Pass kForward{step::Phase::kForward, 0}, kBackward{step::Phase::kBackward, 0};

// x @ w twice over, the first product read three times, in two passes: arguments, ops, own and later hubs, a
// result.
StageView chain() {
  const auto matrix = ir::Type::tensor(ir::DType::kF32, {8, 8});
  const ir::FactorRule matmul{
      {{8}, {8, ir::FactorKind::kReduce}, {8}}, {{{0}, {1}}, {{1}, {2}}}, {{{0}, {2}}}, {0b01, 0b10}};
  const auto op = [&](std::vector<int> operands, int result, step::Pass pass) {
    StageView::Op o;
    o.rule = matmul;
    o.operands = std::move(operands);
    o.results = {result};
    o.pass = pass;
    o.seconds = 1e-5;
    return o;
  };
  StageView s;
  s.values.assign(6, matrix);
  s.args = {0, 1};
  s.arg_kinds = {{step::ArgKind::kParam, 0, true}, {step::ArgKind::kBatch, 0, true}};
  s.ops = {op({1, 0}, 2, kForward), op({2, 0}, 3, kForward), op({2, 3}, 4, kBackward),
           op({4, 2}, 5, kBackward)};
  s.results = {5};
  s.result_kinds = {{step::ResultKind::kSent, 0}};
  s.microbatches = 2;
  return s;
}

const sharding::Mesh kPair{{2}, {{base::Seconds(3e-6), base::BytesPerSecond(1e8)}}};

TEST(Alternatives, EncodeIsDecodesInverse) {
  const StageView stage = chain();
  const BuiltProblem built = build_problem(stage, kPair);
  uint64_t state = 1;
  for (int round = 0; round < 300; ++round) {
    std::vector<int> choice;
    for (const auto& node : built.problem.nodes) {
      state = state * 6364136223846793005u + 1442695040888963407u;
      choice.push_back(static_cast<int>((state >> 33) % node.cost.size()));
    }
    EXPECT_EQ(encode(built, stage, decode(built, stage, choice)), choice);
  }
}

TEST(Alternatives, WhatIsMoreIsTheObjectivesDifference) {
  const StageView stage = chain();
  const BuiltProblem built = build_problem(stage, kPair);
  const Solution best = solve(built.problem);
  const auto costs = op_costs(built, stage, best.choice, 1000);
  ASSERT_EQ(costs.size(), stage.ops.size());
  for (size_t n = 0; n < built.nodes.size(); ++n) {
    if (built.nodes[n].kind != BuiltProblem::Node::Kind::kOp) continue;
    const auto& others = costs[built.nodes[n].index].others;
    EXPECT_GT(others.size(), 1u);
    for (const Alternative& other : others) {
      auto choice = best.choice;
      const auto& all = built.nodes[n].strategies;
      choice[n] = static_cast<int>(std::find(all.begin(), all.end(), other.strategy) - all.begin());
      const auto cost = evaluate(built.problem, choice);
      ASSERT_TRUE(cost);
      EXPECT_NEAR(other.more.value, static_cast<double>(*cost - best.cost) * 1e-12, 1e-15);
      EXPECT_GE(other.more.value, 0);  // the choice was the best
    }
  }
}

TEST(Alternatives, AShardingOfAnotherProblemIsRefused) {
  const StageView stage = chain();
  const BuiltProblem built = build_problem(stage, kPair);
  auto plan = decode(built, stage, solve(built.problem).choice);
  plan.ops[1].use[0] = 7;  // no such factor
  EXPECT_THROW(encode(built, stage, plan), base::Error);
}

}  // namespace
}  // namespace cordata::planner
