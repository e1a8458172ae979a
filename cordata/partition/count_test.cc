// SPDX-License-Identifier: Apache-2.0
#include "cordata/partition/count.h"

#include <gtest/gtest.h>

#include "cordata/base/error.h"

namespace cordata::partition {
namespace {

const sharding::Mesh kMesh{{2, 2}, {}};

void expect_line(const plan::BillLine& line, std::string_view kind, uint32_t axes, double bytes,
                 int64_t count) {
  EXPECT_EQ(line.kind, kind);
  EXPECT_EQ(line.axes, axes);
  EXPECT_EQ(line.bytes, bytes);
  EXPECT_EQ(line.count, count);
}

constexpr std::string_view kNative = R"(module {
  "func.func"() ({
  ^bb0(%0: tensor<4x8xf32>):
    %1 = "stablehlo.all_reduce"(%0) ({
    ^bb0(%2: tensor<f32>, %3: tensor<f32>):
      %4 = "stablehlo.add"(%2, %3) : (tensor<f32>, tensor<f32>) -> tensor<f32>
      "stablehlo.return"(%4) : (tensor<f32>) -> ()
    }) {replica_groups = dense<[[0, 2], [1, 3]]> : tensor<2x2xi64>} : (tensor<4x8xf32>) -> tensor<4x8xf32>
    %5 = "stablehlo.all_gather"(%1) {all_gather_dim = 0 : i64, replica_groups = dense<[[0, 1, 2, 3]]> : tensor<1x4xi64>} : (tensor<4x8xf32>) -> tensor<16x8xf32>
    %6 = "stablehlo.collective_permute"(%1) {source_target_pairs = dense<[[0, 0], [2, 1], [1, 2], [3, 3]]> : tensor<4x2xi64>} : (tensor<4x8xf32>) -> tensor<4x8xf32>
    %7 = "stablehlo.all_gather"(%1) {all_gather_dim = 1 : i64, replica_groups = dense<[[0, 1, 2, 3]]> : tensor<1x4xi64>} : (tensor<4x8xf32>) -> tensor<4x32xf32>
  }) : () -> ()
})";

TEST(Count, TellsNativeCollectivesByTheirGroups) {
  auto bill = count_collectives(kNative, kMesh);
  ASSERT_EQ(bill.size(), 3u);
  expect_line(bill[0], "all-gather", 3, 128, 2);
  expect_line(bill[1], "all-reduce", 1, 128, 1);
  expect_line(bill[2], "permute", 3, 128, 1);
}

constexpr std::string_view kCustom = R"(
    %2 = "stablehlo.create_token"() : () -> !stablehlo.token
    %3:2 = "stablehlo.custom_call"(%0, %2) {api_version = 4 : i32, backend_config = {comm = 7 : i64, dim = 1 : i64, reduce = "add"}, call_target_name = "cordata.reduce_scatter", has_side_effect = true} : (tensor<6xbf16>, !stablehlo.token) -> (tensor<3xbf16>, !stablehlo.token)
    %4:2 = stablehlo.custom_call @cordata.all_reduce(%1, %3#1) {api_version = 4 : i32, backend_config = {comm = 8 : i64, reduce = "or"}} : (tensor<i1>, !stablehlo.token) -> (tensor<i1>, !stablehlo.token)
    %5:2 = stablehlo.custom_call @other(%1, %3#1) : (tensor<i1>, !stablehlo.token) -> (tensor<i1>, !stablehlo.token)
)";

TEST(Count, TellsCustomCallsByTheirCommunicator) {
  auto bill = count_collectives(kCustom, kMesh, {2, 3}, 7);
  ASSERT_EQ(bill.size(), 2u);
  expect_line(bill[0], "all-reduce", 3, 1, 1);
  expect_line(bill[1], "reduce-scatter", 2, 12, 1);
}

TEST(Count, RefusesWhatItCannotPlace) {
  EXPECT_THROW(count_collectives(kCustom, kMesh, {2, 3}, 8), base::Error);
  EXPECT_THROW(count_collectives(kNative, sharding::Mesh{{4}, {}}), base::Error);
}

TEST(Count, MergesLinesTimesTheirRuns) {
  std::vector<plan::BillLine> bill;
  add_to_bill(bill, count_collectives(kNative, kMesh), 8);
  add_to_bill(bill, count_collectives(kNative, kMesh), 1);
  ASSERT_EQ(bill.size(), 3u);
  EXPECT_EQ(bill[0].count, 18);
  EXPECT_EQ(bill[1].count, 9);
}

}  // namespace
}  // namespace cordata::partition
