// SPDX-License-Identifier: Apache-2.0
#include "cordata/program/tiles.h"

#include <gtest/gtest.h>

#include <set>

namespace cordata::program {
namespace {

// Every element of every receiver's block comes exactly once, from a device that holds it, at its own place.
void expect_exact_cover(const ir::Type& type, const sharding::Sharding& from, const sharding::Mesh& a,
                        const sharding::Sharding& to, const sharding::Mesh& b) {
  std::vector<std::multiset<std::pair<int64_t, int64_t>>> got(static_cast<size_t>(b.size()));
  for (const Tile& t : tiles(type, from, a, to, b)) {
    const Box source = block(type, from, a, t.from), dest = block(type, to, b, t.to);
    ASSERT_EQ(t.at_sender.extent, t.at_receiver.extent);
    for (int64_t i = 0; i < t.at_sender.extent[0]; ++i)
      for (int64_t j = 0; j < t.at_sender.extent[1]; ++j) {
        const int64_t row = source.start[0] + t.at_sender.start[0] + i,
                      col = source.start[1] + t.at_sender.start[1] + j;
        EXPECT_EQ(row, dest.start[0] + t.at_receiver.start[0] + i);
        EXPECT_EQ(col, dest.start[1] + t.at_receiver.start[1] + j);
        got[t.to].insert({row, col});
      }
  }
  for (int64_t d = 0; d < b.size(); ++d) {
    const Box dest = block(type, to, b, d);
    const std::set<std::pair<int64_t, int64_t>> once(got[d].begin(), got[d].end());
    EXPECT_EQ(once.size(), got[d].size());
    EXPECT_EQ(static_cast<int64_t>(once.size()), dest.extent[0] * dest.extent[1]);
  }
}

TEST(Tiles, CoverEveryBlockOnceForAllShardings) {
  const ir::Type type = ir::Type::tensor(ir::DType::kF32, {8, 12});
  const std::vector<sharding::AxisLink> links(2);
  const sharding::Mesh meshes[] = {{{}, {}}, {{4}, {links[0]}}, {{2, 2}, links}, {{2, 3}, links}};
  for (const auto& a : meshes)
    for (const auto& b : meshes)
      for (const auto& from : sharding::enumerate_shardings(type, a, false))
        for (const auto& to : sharding::enumerate_shardings(type, b, false))
          expect_exact_cover(type, from, a, to, b);
}

TEST(Tiles, HoldersOfTheSameBlockTakeTurns) {
  const ir::Type type = ir::Type::tensor(ir::DType::kF32, {8, 12});
  const sharding::Mesh mesh{{4}, {{}}};
  std::set<int> senders;
  for (const Tile& t : tiles(type, {}, mesh, {}, mesh)) senders.insert(t.from);
  EXPECT_EQ(senders.size(), 4u);
}

}  // namespace
}  // namespace cordata::program
