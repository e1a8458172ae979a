// SPDX-License-Identifier: Apache-2.0
#include "cordata/cost/op_profile.h"

#include <gmock/gmock.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "cordata/base/error.h"
#include "cordata/cost/op_time.h"
#include "cordata/ir/builder.h"

namespace cordata::cost {
namespace {

using ir::DType;
using ir::ValueId;
using ::testing::HasSubstr;

struct OpProfiles : ::testing::Test {
  static inline int count = 0;  // a process reads a file once
  std::string path =
      ::testing::TempDir() + "profile" + std::to_string(getpid()) + "." + std::to_string(count++) + ".sqlite";
  OpProfiles() { std::filesystem::remove(path); }
  ~OpProfiles() override { std::filesystem::remove(path); }
};

// x (m x k) times w (k x n), and what it is with w the other way round.
ir::Graph product(int64_t m, int64_t k, int64_t n, bool turned = false) {
  ir::GraphBuilder b;
  const ValueId x = b.arg(ir::Type::tensor(DType::kF32, {m, k}));
  const ValueId w = b.arg(ir::Type::tensor(DType::kF32, turned ? std::vector{n, k} : std::vector{k, n}));
  return b.finish({b.dot_general(x, w, {}, {}, {1}, {turned ? 1 : 0}, DType::kF32)});
}

const ir::Node& op(const ir::Graph& g) { return g.node(g.ops()[0]); }

ProfiledOp profiled(const ir::Graph& g, double seconds) {
  return {op_form(g, op(g)), sizes_text(op_sizes(g, op(g)), 2), "f32", base::Seconds(seconds)};
}

cluster::Device device(const std::string& profile) {
  cluster::Device d;
  d.kind = "a kind";
  d.peak = {{DType::kF32, base::FlopsPerSecond(1e9)}};
  d.memory_bandwidth = base::BytesPerSecond(1e12);
  d.launch = base::Seconds(1e-3);
  d.profile = profile;
  return d;
}

std::string error_of(const std::string& path) {
  try {
    profiled_ops(path, "a kind");
  } catch (const base::Error& e) {
    EXPECT_EQ(e.kind(), base::ErrorKind::kUser);
    return e.what();
  }
  return "no error";
}

TEST_F(OpProfiles, FormsTellOpsApartAndSizesTheirShapes) {
  const auto a = product(8, 4, 2), b = product(16, 4, 2), turned = product(8, 4, 2, true);
  EXPECT_EQ(op_form(a, op(a)), op_form(b, op(b)));
  EXPECT_NE(op_form(a, op(a)), op_form(turned, op(turned)));
  EXPECT_EQ(op_sizes(a, op(a)), (OpSizes{-1, 8, 4, -1, 4, 2, -1, 8, 2}));
  EXPECT_EQ(sizes_text(op_sizes(a, op(a)), 2), "8x4, 4x2 -> 8x2");
}

TEST_F(OpProfiles, WhatFusesOrDependsOnSizesIsNotInThem) {
  ir::GraphBuilder b;
  const ValueId x = b.arg(ir::Type::tensor(DType::kF32, {8, 4}));
  const ValueId sum = b.reduce(ir::OpKind::kAdd, b.neg(x), 0, {1});
  const ValueId part = b.slice(x, {0, 0}, {2, 4});
  const auto g = b.finish({sum, part, b.transpose(x, {1, 0})});
  std::vector<std::string> held;
  for (const auto id : g.ops())
    if (can_be_profiled(g, g.node(id))) held.emplace_back(ir::name(g.node(id).kind));
  EXPECT_EQ(held, std::vector<std::string>{"stablehlo.transpose"});
}

TEST_F(OpProfiles, GiveBackWhatWasAddedByKindOfDevice) {
  const auto a = product(8, 4, 2), b = product(16, 4, 2);
  add_to_profile(path, "a kind", std::vector{profiled(a, 1), profiled(b, 2)}, "by hand");
  add_to_profile(path, "a kind", std::vector{profiled(b, 3)}, "by hand, again");
  add_to_profile(path, "another", std::vector{profiled(a, 4)}, "by hand");
  const auto& of = profiled_ops(path, "a kind");
  ASSERT_EQ(of.size(), 1u);
  EXPECT_EQ(of.at(op_form(a, op(a))), (MeasuredTimes{{op_sizes(a, op(a)), 1}, {op_sizes(b, op(b)), 3}}));
  EXPECT_EQ(profiled_ops(path, "another").at(op_form(a, op(a))).size(), 1u);
  EXPECT_TRUE(profiled_ops(path, "a third").empty());
}

TEST_F(OpProfiles, CountInsteadOfTheRooflineWhereTheyHaveTheOp) {
  const auto whole = product(8, 4, 2), half = product(4, 4, 2), other = product(8, 4, 6);
  add_to_profile(path, "a kind", std::vector{profiled(whole, 5), profiled(half, 2)}, "by hand");
  auto d = device(path);
  const auto t = op_times(whole, d)[0];
  EXPECT_EQ(t.seconds, 5);
  EXPECT_EQ(t.launch, 0);
  EXPECT_EQ(t.least(), 4);  // of two halves
  EXPECT_EQ(t.measured.of(op_sizes(half, op(half))), 2);
  const auto modelled = op_times(other, d)[0];
  EXPECT_DOUBLE_EQ(modelled.seconds, 2 * 8 * 4 * 6 / 1e9);
  EXPECT_EQ(modelled.launch, 1e-3);
  EXPECT_EQ(modelled.measured.of(op_sizes(other, op(other))), std::nullopt);
  d.speed = 0.5;
  EXPECT_EQ(op_times(whole, d)[0].seconds, 10);
  EXPECT_EQ(op_times(whole, d)[0].least(), 8);
  d.kind = "a third";
  EXPECT_DOUBLE_EQ(op_times(whole, d)[0].seconds, 2 * 2 * 8 * 4 * 2 / 1e9);
}

// A stage waits for its slowest device; where one has no times of its own, none's count for shards.
TEST_F(OpProfiles, OfTheSlowestDevice) {
  const auto g = product(8, 4, 2);
  add_to_profile(path, "a kind", std::vector{profiled(g, 5)}, "by hand");
  cluster::Cluster c;
  c.devices_per_host = 2;
  c.device = device(path);
  c.groups = {{1, 1, device(path)}};
  c.groups[0].device.speed = 0.5;
  EXPECT_EQ(op_times(g, c, {0, 1})[0].measured.of(op_sizes(g, op(g))), 10);
  c.groups[0].device.profile = "";
  const auto mixed = op_times(g, c, {0, 1})[0];
  EXPECT_EQ(mixed.seconds, 5);
  EXPECT_EQ(mixed.measured.of(op_sizes(g, op(g))), std::nullopt);
}

TEST_F(OpProfiles, WhatIsNoneIsRefused) {
  EXPECT_THAT(error_of(path), HasSubstr("no such file"));
  std::ofstream(path)
      << "some text that is no database, and long enough to have a header of its own, a hundred "
         "bytes of it at least, as files of that kind have";
  EXPECT_THAT(error_of(path), HasSubstr("not a database"));
  std::ofstream(path).close();  // empty, as SQLite's new databases are
  EXPECT_THAT(error_of(path), HasSubstr("another database"));
}

}  // namespace
}  // namespace cordata::cost
