// SPDX-License-Identifier: Apache-2.0
#include "cordata/planner/intra_op/peak.h"

#include <gtest/gtest.h>

#include "cordata/planner/intra_op/solve.h"

namespace cordata::planner {
namespace {

using sharding::Sharding;
constexpr step::Pass kForward{step::Phase::kForward, 0}, kApply{step::Phase::kApply, 0};

sharding::Mesh pair_of_devices() { return {{2}, {{base::Seconds(3e-6), base::BytesPerSecond(1e8)}}}; }

StageView::Op elementwise(std::vector<int> operands, int result, step::Pass pass) {
  StageView::Op op;
  op.rule = {{{8}, {8}}, {}, {{{0}, {1}}}, {}};
  for (size_t k = 0; k < operands.size(); ++k) op.rule.operands.push_back({{0}, {1}});
  op.operands = std::move(operands), op.results = {result}, op.pass = pass;
  return op;
}

// The choice of a stage of one op, where arguments, and what the op makes, are placed as told.
std::vector<int> choose(const BuiltProblem& built, const StageView& stage, const std::vector<Sharding>& args,
                        const std::vector<Sharding>& ops) {
  std::vector<int> choice(built.nodes.size(), 0);
  for (size_t n = 0; n < built.nodes.size(); ++n) {
    const auto& node = built.nodes[n];
    using Kind = BuiltProblem::Node::Kind;
    if (node.kind == Kind::kHub) continue;
    const int v = node.kind == Kind::kArg ? stage.args[node.index] : stage.ops[0].results[0];
    const Sharding& wanted = node.kind == Kind::kArg ? args.at(node.index) : ops.at(0);
    while (offered(node, stage, v, choice[n]) != wanted) ++choice[n];
  }
  return choice;
}

Sharding on(sharding::Placement dim) {
  Sharding s;
  s.at[0] = dim;
  return s;
}

// A weight that is cut at rest and gathered for its one reader: half of it, all of it while it is read, and
// where its columns are cut, what it is packed into.
TEST(PeakBytes, CountsWhatIsGatheredForOneReader) {
  StageView s;
  const auto matrix = ir::Type::tensor(ir::DType::kF32, {8, 8});  // 256 bytes
  s.values = {matrix, matrix};
  s.args = {0}, s.arg_kinds = {{step::ArgKind::kParam, 0, true}};
  s.ops = {elementwise({0}, 1, kForward)};
  s.results = {1}, s.result_kinds = {{step::ResultKind::kSent, 0}};
  const auto mesh = pair_of_devices();
  const auto built = build_problem(s, mesh);
  const auto peaks = [&](const Sharding& at_rest, const Sharding& made) {
    const auto choice = choose(built, s, {at_rest}, {made});
    return std::pair(peak_usage(built.problem, choice), peak_bytes(built, s, mesh, choice));
  };
  using Pair = std::pair<int64_t, int64_t>;
  const Sharding whole;
  EXPECT_EQ(peaks(whole, whole), Pair(512, 512));
  EXPECT_EQ(peaks(on(0), on(0)), Pair(256, 256));
  EXPECT_EQ(peaks(on(0), whole), Pair(128 + 256, 128 + 256 + 256));
  EXPECT_EQ(peaks(on(1), whole), Pair(128 + 256, 128 + 256 + 256 + 256));
  EXPECT_EQ(peaks(whole, on(1)), Pair(256 + 128, 256 + 128));  // what is cut out is read in place
}

}  // namespace
}  // namespace cordata::planner
