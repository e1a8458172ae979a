// SPDX-License-Identifier: Apache-2.0
// Each op cut in every way that its rule allows gives what one device gives.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include "cordata/ir/op_table.h"
#include "tests/property/round.h"

namespace cordata::property {
namespace {

TEST(PartitionedOps, EachOpWithARuleIsTested) {
  for (int i = 0; i < ir::kNumOpKinds; ++i) {
    auto kind = static_cast<OpKind>(i);
    EXPECT_EQ(ir::row(kind).rule != nullptr, generators().contains(kind)) << ir::name(kind);
  }
}

void run_meshes(size_t axes, int64_t wanted, int rounds) {
  Rounds all;
  int64_t counted = 0;
  std::map<OpKind, int64_t> by_kind;
  for (int round = 0; round < rounds; ++round) {
    for (size_t m = 0; m < meshes().size(); ++m) {
      if (meshes()[m].shape.size() != axes) continue;
      Tally t = all.run(1 + m + 100 * static_cast<uint64_t>(round), meshes()[m]);
      counted += t.counted;
      for (auto [kind, n] : t.by_kind) by_kind[kind] += n;
      for (const std::string& f : t.failures) ADD_FAILURE() << f;
    }
  }
  EXPECT_GE(counted, wanted);
  for (auto [kind, generator] : generators()) EXPECT_GT(by_kind[kind], 0) << ir::name(kind) << " was never cut";
  fmt::print("{} cases\n", counted);
}

TEST(PartitionedOps, EqualTheWholeOnRows) { run_meshes(1, 700, 1); }
TEST(PartitionedOps, EqualTheWholeOnGrids) { run_meshes(2, 1300, 1); }

}  // namespace
}  // namespace cordata::property
