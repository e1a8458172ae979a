// SPDX-License-Identifier: Apache-2.0
#include "cordata/runtime/box.h"

#include <gtest/gtest.h>

#include <numeric>
#include <random>

#include "cordata/base/error.h"

namespace cordata::runtime {
namespace {

using Ints = std::vector<int32_t>;

Ints iota(int64_t n) {
  Ints values(n);
  std::iota(values.begin(), values.end(), 0);
  return values;
}

int64_t flat(const ir::Shape& shape, const std::vector<int64_t>& at) {
  int64_t i = 0;
  for (size_t d = 0; d < shape.size(); ++d) i = i * shape[d] + at[d];
  return i;
}

TEST(BoxCopy, MovesWhatElementwiseCopyMoves) {
  std::mt19937 random(7);
  auto pick = [&](int64_t from, int64_t to) {
    return std::uniform_int_distribution<int64_t>(from, to)(random);
  };
  for (int round = 0; round < 300; ++round) {
    const int64_t rank = pick(0, 4);
    ir::Shape shape(rank);
    program::Box box{std::vector<int64_t>(rank), std::vector<int64_t>(rank)};
    for (int64_t d = 0; d < rank; ++d) {
      shape[d] = pick(1, 4);
      box.start[d] = pick(0, shape[d] - 1);
      box.extent[d] = pick(1, shape[d] - box.start[d]);
    }
    auto type = ir::Type::tensor(ir::DType::kI32, shape);
    const Ints source = iota(type.num_elements());
    Ints packed(num_elements(box)), back(source.size(), -1), wanted_back(source.size(), -1);
    BoxCopy out = pack(type, box);
    out.run(reinterpret_cast<const std::byte*>(source.data()), reinterpret_cast<std::byte*>(packed.data()));
    std::vector<int64_t> at(rank);
    for (int64_t i = 0; i < num_elements(box); ++i) {
      int64_t rest = i;
      for (int64_t d = rank - 1; d >= 0; --d) {
        at[d] = box.start[d] + rest % box.extent[d];
        rest /= box.extent[d];
      }
      ASSERT_EQ(packed[i], source[flat(shape, at)]);
      wanted_back[flat(shape, at)] = packed[i];
    }
    if (out.one_run()) {
      ASSERT_EQ(out.bytes(), static_cast<int64_t>(packed.size() * 4));
      ASSERT_EQ(packed[0], source[out.from_offset() / 4]);
      ASSERT_EQ(packed.back(), source[(out.from_offset() + out.bytes()) / 4 - 1]);
    }
    unpack(type, box).run(reinterpret_cast<const std::byte*>(packed.data()),
                          reinterpret_cast<std::byte*>(back.data()));
    ASSERT_EQ(back, wanted_back);
  }
}

TEST(BoxCopy, WholeRowsAreOneRunAndColumnsAreNot) {
  auto type = ir::Type::tensor(ir::DType::kF32, {4, 6});
  EXPECT_TRUE(pack(type, whole(type.shape)).one_run());
  EXPECT_TRUE(pack(type, {{1, 0}, {2, 6}}).one_run());
  EXPECT_EQ(pack(type, {{1, 0}, {2, 6}}).from_offset(), 24);
  EXPECT_TRUE(pack(type, {{2, 1}, {1, 3}}).one_run());
  EXPECT_FALSE(pack(type, {{0, 1}, {2, 3}}).one_run());
  EXPECT_THROW(pack(type, {{3, 0}, {2, 6}}), base::Error);
}

}  // namespace
}  // namespace cordata::runtime
