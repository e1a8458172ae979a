// SPDX-License-Identifier: Apache-2.0
// Each op cut in every way that its rule allows gives what one device gives.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "cordata/ir/op_table.h"
#include "tests/property/round.h"

namespace cordata::property {
namespace {

// Elementwise ops of rank 3 on a grid have 15 assignments, a dot_general may have 80: then these many, drawn.
constexpr size_t kMostPerOp = 24;

TEST(PartitionedOps, EachOpWithARuleIsTested) {
  for (int i = 0; i < ir::kNumOpKinds; ++i) {
    auto kind = static_cast<OpKind>(i);
    EXPECT_EQ(ir::row(kind).rule != nullptr, generators().contains(kind)) << ir::name(kind);
  }
}

void run_meshes(const std::vector<std::vector<int64_t>>& shapes, int64_t wanted) {
  Rounds rounds(kMostPerOp);
  Tally all;
  for (size_t m = 0; m < meshes().size(); ++m) {
    if (std::ranges::find(shapes, meshes()[m].shape) != shapes.end()) all.add(rounds.run(1 + m, meshes()[m]));
  }
  for (const std::string& f : all.failures) ADD_FAILURE() << f;
  EXPECT_GE(all.counted, wanted);
  for (auto [kind, generator] : generators())
    EXPECT_GT(all.by_kind[kind], 0) << ir::name(kind) << " was never cut";
  fmt::print("{} cases, {} of them count; {} assignments beyond {} an op were left out by draw\n", all.cases,
             all.counted, all.left_out, kMostPerOp);
}

TEST(PartitionedOps, EqualTheWholeOnRows) { run_meshes({{2}, {3}, {8}}, 400); }
TEST(PartitionedOps, EqualTheWholeOnGrids) { run_meshes({{2, 2}, {2, 3}, {4, 2}}, 1600); }

}  // namespace
}  // namespace cordata::property
