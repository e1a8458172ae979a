// SPDX-License-Identifier: Apache-2.0
#include "cordata/runtime/run_checked.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "cordata/base/error.h"
#include "cordata/ir/text.h"

namespace cordata::runtime {
namespace {

CheckedRun run(const std::string& body) {
  static const Client client(Plugin::load(plugin_path()), {});
  ir::Graph module = ir::read_module("func.func @main" + body);
  return run_checked(client, module, Deadline::after(base::Seconds(60)));
}

// 2 x [1, 2, 3], and what it should be.
std::string doubled(const std::string& third) {
  return R"(() -> tensor<3xf32> {
    %0 = stablehlo.constant dense<[1.0, 2.0, 3.0]> : tensor<3xf32>
    %1 = stablehlo.constant dense<[2.0, 4.0, )" +
         third + R"(]> : tensor<3xf32>
    %2 = stablehlo.add %0, %0 : tensor<3xf32>
    stablehlo.custom_call @check.expect_eq(%2, %1) {has_side_effect = true} : (tensor<3xf32>, tensor<3xf32>) -> ()
    stablehlo.custom_call @check.expect_almost_eq(%2, %1) {has_side_effect = true} : (tensor<3xf32>, tensor<3xf32>) -> ()
    stablehlo.custom_call @check.expect_close(%2, %2) {has_side_effect = true} : (tensor<3xf32>, tensor<3xf32>) -> ()
    return %2 : tensor<3xf32>
  })";
}

TEST(RunChecked, CountsTheChecksThatHold) {
  EXPECT_EQ(run(doubled("6.0")).passed(), 3);
  CheckedRun near = run(doubled("6.0001"));
  ASSERT_EQ(near.checks.size(), 3u);
  EXPECT_FALSE(near.checks[0].held());
  EXPECT_TRUE(near.checks[1].held());
  EXPECT_EQ(near.passed(), 2);
  CheckedRun off = run(doubled("6.5"));
  EXPECT_EQ(off.passed(), 1);
  EXPECT_THAT(off.checks[0].difference,
              testing::HasSubstr("at [2]: 6 instead of 6.5; 1 of 3 elements differ"));
}

TEST(RunChecked, RunsModulesWithoutChecks) {
  CheckedRun none = run(
      "() -> tensor<f32> {\n %0 = stablehlo.constant dense<1.0> : tensor<f32>\n return %0 : tensor<f32> }");
  EXPECT_EQ(none.checks.size(), 0u);
  EXPECT_EQ(none.ops, 1);
}

TEST(RunChecked, TensorsWithoutElementsAreEqual) {
  CheckedRun empty = run(R"(() {
    %0 = stablehlo.constant dense<> : tensor<0x2xf32>
    stablehlo.custom_call @check.expect_eq(%0, %0) {has_side_effect = true} : (tensor<0x2xf32>, tensor<0x2xf32>) -> ()
    return
  })");
  EXPECT_EQ(empty.passed(), 1);
}

TEST(RunChecked, WantsModulesThatCarryTheirInputs) {
  try {
    run("(%a: tensor<f32>) -> tensor<f32> { return %a : tensor<f32> }");
    FAIL();
  } catch (const base::Error& e) {
    EXPECT_EQ(e.kind(), base::ErrorKind::kUser);
    EXPECT_THAT(e.what(), testing::HasSubstr("got one with 1 arguments"));
  }
}

}  // namespace
}  // namespace cordata::runtime
