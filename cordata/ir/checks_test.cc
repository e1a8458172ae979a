// SPDX-License-Identifier: Apache-2.0
#include "cordata/ir/checks.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <cstring>

#include "cordata/base/error.h"
#include "cordata/ir/text.h"

namespace cordata::ir {
namespace {

using testing::HasSubstr;

template <typename T>
std::string evaluate_one(Check check, DType dtype, T actual, T expected) {
  check.type = Type::tensor(dtype, {1});
  auto bytes = [](const T& v) { return std::as_bytes(std::span(&v, 1)); };
  return evaluate(check, bytes(actual), bytes(expected));
}

template <typename T>
bool holds(const Check& check, DType dtype, T actual, T expected) {
  return evaluate_one(check, dtype, actual, expected).empty();
}

const Check kEqual{.kind = Check::Kind::kEqual}, kAlmost{.kind = Check::Kind::kAlmost},
    kClose{.kind = Check::Kind::kClose};
const float kNan = std::nanf(""), kInf = INFINITY;

float next(float v, int steps) {
  for (; steps > 0; --steps) v = std::nextafter(v, kInf);
  return v;
}

TEST(Checks, EqualIsExact) {
  EXPECT_TRUE(holds(kEqual, DType::kF32, 1.5f, 1.5f));
  EXPECT_FALSE(holds(kEqual, DType::kF32, 1.5f, next(1.5f, 1)));
  EXPECT_TRUE(holds(kEqual, DType::kF32, 0.0f, -0.0f));
  EXPECT_TRUE(holds(kEqual, DType::kF32, kNan, -kNan));
  EXPECT_FALSE(holds(kEqual, DType::kF32, kNan, 1.0f));
  EXPECT_FALSE(holds(kEqual, DType::kF32, kInf, -kInf));
  EXPECT_TRUE(holds(kEqual, DType::kI64, INT64_MIN, INT64_MIN));
  EXPECT_FALSE(
      holds(kEqual, DType::kI64, int64_t{1} << 60, (int64_t{1} << 60) + 1));  // not by way of a double
  EXPECT_TRUE(holds<uint8_t>(kEqual, DType::kI4, 0xfd, 0x0d));                // only its own 4 bits count
  EXPECT_FALSE(holds<uint8_t>(kEqual, DType::kI4, 0xfd, 0xfc));
}

TEST(Checks, AlmostHasAnAbsoluteTolerance) {
  EXPECT_TRUE(holds(kAlmost, DType::kF32, 1.0f, 1.0009f));
  EXPECT_FALSE(holds(kAlmost, DType::kF32, 1.0f, 1.0011f));
  EXPECT_FALSE(holds(kAlmost, DType::kF32, 1e-5f, -1e-5f));  // signs differ
  EXPECT_TRUE(holds(kAlmost, DType::kF32, 1e-5f, 0.0f));
  EXPECT_TRUE(holds(kAlmost, DType::kF32, kInf, kInf));
  EXPECT_FALSE(holds(kAlmost, DType::kF32, kInf, 3e38f));
  EXPECT_TRUE(holds(kAlmost, DType::kF32, kNan, kNan));
  Check wide = kAlmost;
  wide.tolerance = 0.5;
  EXPECT_TRUE(holds(wide, DType::kF64, 1.0, 1.5));
}

TEST(Checks, CloseCountsRepresentableValues) {
  EXPECT_TRUE(holds(kClose, DType::kF32, 1.0f, next(1.0f, 3)));
  EXPECT_FALSE(holds(kClose, DType::kF32, 1.0f, next(1.0f, 4)));
  EXPECT_TRUE(holds(kClose, DType::kF32, next(0.0f, 1), -next(0.0f, 2)));  // through zero
  EXPECT_FALSE(holds(kClose, DType::kF32, next(0.0f, 2), -next(0.0f, 2)));
  EXPECT_TRUE(holds(kClose, DType::kF32, kNan, -kNan));
  EXPECT_FALSE(holds(kClose, DType::kF32, kInf, 3.4028235e38f));
  EXPECT_TRUE(holds<uint16_t>(kClose, DType::kBF16, 0x3f80, 0x3f83));
  EXPECT_FALSE(holds<uint16_t>(kClose, DType::kF16, 0x3c00, 0x3c04));
  EXPECT_FALSE(holds<uint8_t>(kClose, DType::kF8E4M3FN, 0x08, 0x0c));
  EXPECT_THAT(evaluate_one(kClose, DType::kF32, 1.0f, next(1.0f, 5)), HasSubstr("(5 ULP)"));
  Check far{.kind = Check::Kind::kClose, .min_ulps = UINT64_MAX, .max_ulps = UINT64_MAX};
  EXPECT_TRUE(holds(far, DType::kF32, kInf, 1.0f));  // as StableHLO's own tests of the difference write it
  EXPECT_FALSE(holds(far, DType::kF32, 2.0f, 1.0f));
}

TEST(Checks, BothPartsOfAComplexNumberCount) {
  struct Complex {
    float re, im;
  };
  for (const Check& check : {kEqual, kAlmost, kClose}) {
    EXPECT_TRUE(holds(check, DType::kC64, Complex{1, 2}, Complex{1, 2}));
    EXPECT_FALSE(holds(check, DType::kC64, Complex{1, 2}, Complex{1, 2.5}));
    EXPECT_FALSE(holds(check, DType::kC64, Complex{1.5, 2}, Complex{1, 2}));
  }
}

TEST(Checks, NamesTheFirstElementThatDiffers) {
  Check check{.kind = Check::Kind::kEqual, .type = Type::tensor(DType::kI32, {2, 3})};
  int32_t actual[] = {1, 2, 3, 4, -5, 6}, expected[] = {1, 2, 3, 4, 5, 7};
  EXPECT_EQ(evaluate(check, std::as_bytes(std::span(actual)), std::as_bytes(std::span(expected))),
            "at [1, 1]: -5 instead of 5; 2 of 6 elements differ");
}

TEST(Checks, AreTakenOutAndTheirOperandsReturned) {
  CheckedGraph checked = strip_checks(read_module(R"(
    func.func @main() -> (tensor<2xf32> {jax.result_info = "y"}) {
      %0 = call @expected() : () -> tensor<2xf32>
      %1 = stablehlo.negate %0 : tensor<2xf32>
      call @look(%1, %0) : (tensor<2xf32>, tensor<2xf32>) -> ()
      stablehlo.custom_call @check.expect_almost_eq(%1, %1) {has_side_effect = true, tolerance = 0.5 : f32} : (tensor<2xf32>, tensor<2xf32>) -> ()
      return %1 : tensor<2xf32>
    }
    func.func private @expected() -> tensor<2xf32> {
      %cst = stablehlo.constant dense<[1.0, 2.0]> : tensor<2xf32>
      return %cst : tensor<2xf32>
    }
    func.func private @look(%a: tensor<2xf32>, %b: tensor<2xf32>) {
      stablehlo.custom_call @check.expect_close(%a, %b) {has_side_effect = true} : (tensor<2xf32>, tensor<2xf32>) -> ()
      return
    })"));
  ASSERT_EQ(checked.checks.size(), 2u);
  EXPECT_EQ(checked.checks[0].kind, Check::Kind::kClose);
  EXPECT_EQ(checked.checks[0].line, 14);
  EXPECT_EQ(checked.checks[0].actual, 0);  // the function's own result
  EXPECT_EQ(checked.checks[0].expected, 1);
  EXPECT_EQ(checked.checks[1].expected, 0);
  EXPECT_EQ(checked.checks[1].tolerance, 0.5);
  EXPECT_EQ(checked.graph.results().size(), 2u);
  EXPECT_EQ(checked.graph.ops().size(), 2u);
  EXPECT_THAT(write_module(checked.graph), testing::Not(HasSubstr("check.")));
}

TEST(Checks, ThatReturnWhetherTheyHeldAreTakenOutWithTheirResult) {
  CheckedGraph checked = strip_checks(read_module(R"(
    func.func @main() -> tensor<i1> {
      %0 = stablehlo.constant dense<1> : tensor<i32>
      %1 = stablehlo.custom_call @check.eq(%0, %0) : (tensor<i32>, tensor<i32>) -> tensor<i1>
      return %1 : tensor<i1>
    })"));
  ASSERT_EQ(checked.checks.size(), 1u);
  EXPECT_EQ(checked.checks[0].kind, Check::Kind::kEqual);
  EXPECT_EQ(checked.graph.results().size(), 1u);
  EXPECT_EQ(checked.checks[0].actual, checked.checks[0].expected);
}

TEST(Checks, OfTheCheckDialectAreTheSame) {
  CheckedGraph checked = strip_checks(read_module(R"(
    func.func @main() {
      %0 = stablehlo.constant dense<[1.0, 2.0]> : tensor<2xf32>
      %1 = stablehlo.negate %0 : tensor<2xf32>
      check.expect_eq %0, %1 : tensor<2xf32>
      check.expect_eq_const %1, dense<[1.0, 3.0]> : tensor<2xf32>
      check.expect_almost_eq_const %1, dense<1.0> : tensor<2xf32>
      check.expect_almost_eq %0, %1, tolerance = 0.5 : tensor<2xf32>
      check.expect_close %0, %1, max_ulp_difference = 10, min_ulp_difference = 1 : tensor<2xf32>, tensor<2xf32>
      "check.expect_close"(%0, %1) {max_ulp_difference = 18446744073709551615 : ui64} : (tensor<2xf32>, tensor<2xf32>) -> ()
      return
    })"));
  ASSERT_EQ(checked.checks.size(), 6u);
  EXPECT_EQ(checked.checks[1].kind, Check::Kind::kEqual);
  EXPECT_NE(checked.checks[1].expected, checked.checks[2].expected);
  EXPECT_EQ(checked.checks[2].kind, Check::Kind::kAlmost);
  EXPECT_EQ(checked.checks[2].tolerance, 1e-4);
  EXPECT_EQ(checked.checks[3].tolerance, 0.5);
  EXPECT_EQ(checked.checks[4].max_ulps, 10u);
  EXPECT_EQ(checked.checks[4].min_ulps, 1u);
  EXPECT_EQ(checked.checks[5].max_ulps, UINT64_MAX);
  EXPECT_EQ(checked.graph.results().size(), 4u);
}

std::string refusal(const std::string& body) {
  try {
    strip_checks(read_module("func.func @main() {\n" + body + "\nreturn }"));
  } catch (const base::Error& e) {
    EXPECT_EQ(e.kind(), base::ErrorKind::kUser);
    return e.what();
  }
  return "taken";
}

TEST(Checks, RefusesWhatItCannotEvaluate) {
  std::string one = "%0 = stablehlo.constant dense<1> : tensor<i32>\n";
  std::string pair = "(%0, %0) {has_side_effect = true} : (tensor<i32>, tensor<i32>) -> ";
  EXPECT_THAT(refusal(one + "stablehlo.custom_call @check.expect_better" + pair + "()"),
              HasSubstr("got check.expect_better (line 3)"));
  EXPECT_THAT(refusal(one + "stablehlo.custom_call @check.expect_close" + pair + "()"),
              HasSubstr("got tensor<i32> (line 3)"));
  EXPECT_THAT(refusal(one + "stablehlo.custom_call @check.expect_eq(%0) {} : (tensor<i32>) -> ()"),
              HasSubstr("two tensors"));
  EXPECT_THAT(refusal(one + "%1 = stablehlo.custom_call @check.eq" + pair +
                      "tensor<i1>\n%2 = stablehlo.not %1 : tensor<i1>"),
              HasSubstr("used in line 4"));
  EXPECT_THAT(refusal(one + R"("stablehlo.case"(%0) ({ stablehlo.custom_call @check.expect_eq)" + pair +
                      "() \n \"stablehlo.return\"() : () -> () }) : (tensor<i32>) -> ()"),
              HasSubstr("outside of regions"));
}

}  // namespace
}  // namespace cordata::ir
