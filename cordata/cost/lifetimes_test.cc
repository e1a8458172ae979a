// SPDX-License-Identifier: Apache-2.0
#include "cordata/cost/lifetimes.h"

#include <gtest/gtest.h>

#include "cordata/ir/text.h"

namespace cordata::cost {
namespace {

// By place in the text, from 0: whether the op's result is written.
std::vector<int> written(const std::string& body,
                         const std::string& args = "%a: tensor<8x8xf32>, %b: tensor<8x8xf32>",
                         const std::string& result = "tensor<8x8xf32>") {
  const ir::Graph graph =
      ir::read_module("func.func @main(" + args + ") -> (" + result + ") {\n" + body + "\n}\n", "test");
  const auto lives = lifetimes(graph);
  std::vector<int> out;
  for (const auto id : graph.ops()) out.push_back(lives.written[graph.node(id).result().index]);
  return out;
}

const std::string kT = " : tensor<8x8xf32>\n";
const std::string kDot =
    ", contracting_dims = [1] x [0] : (tensor<8x8xf32>, tensor<8x8xf32>) -> tensor<8x8xf32>\n";

TEST(Lifetimes, CheapLoopsRunInsideAllThatReadThem) {
  EXPECT_EQ(written("%0 = stablehlo.negate %a" + kT + "%1 = stablehlo.abs %0" + kT +
                    "%2 = stablehlo.multiply %0, %1" + kT + "return %2" + kT),
            (std::vector{0, 0, 1}));
}

TEST(Lifetimes, DearOnesWithTwoReadersAreWritten) {
  EXPECT_EQ(written("%0 = stablehlo.exponential %a" + kT + "%1 = stablehlo.abs %0" + kT +
                    "%2 = stablehlo.add %0, %1" + kT + "return %2" + kT),
            (std::vector{1, 0, 1}));
  EXPECT_EQ(written("%0 = stablehlo.exponential %a" + kT + "%1 = stablehlo.abs %0" + kT + "return %1" + kT),
            (std::vector{0, 1}));
}

TEST(Lifetimes, ContractionsReadMemory) {
  EXPECT_EQ(written("%0 = stablehlo.negate %a" + kT + "%1 = stablehlo.dot_general %0, %b" + kDot +
                    "%2 = stablehlo.abs %1" + kT + "return %2" + kT),
            (std::vector{1, 1, 1}));
}

// Rows of a product of three dims: the left side is wanted as [b, i, k], and lies as [i, b, k].
TEST(Lifetimes, WhatLiesOtherwiseIsCopied) {
  const ir::Graph graph = ir::read_module(
      "func.func @main(%a: tensor<4x2x8xf32>, %b: tensor<2x8x4xf32>) -> (tensor<2x4x4xf32>) {\n"
      "%0 = stablehlo.dot_general %a, %b, batching_dims = [1] x [0], contracting_dims = [2] x [1] : "
      "(tensor<4x2x8xf32>, "
      "tensor<2x8x4xf32>) -> tensor<2x4x4xf32>\nreturn %0 : tensor<2x4x4xf32>\n}\n",
      "test");
  const auto lives = lifetimes(graph);
  ASSERT_EQ(lives.copies.size(), 1u);
  EXPECT_EQ(lives.copies[0].value, graph.args()[0]);
}

// The update may write over %a only if the other reader is known to come first.
TEST(Lifetimes, ArgumentsAreCopiedWhereTheirReadersMayComeLater) {
  const auto copied = [](const std::string& body) {
    const ir::Graph graph = ir::read_module(
        "func.func @main(%a: tensor<8x8xf32>, %b: tensor<8x8xf32>) -> (tensor<8x8xf32>, "
        "tensor<8x8xf32>) {\n" +
            body + "\n}\n",
        "test");
    const std::vector<int> alias = {0, -1};
    return static_cast<int>(copied_arguments(graph, alias)[0]);
  };
  const std::string update = "%n = stablehlo.subtract %a, %b" + kT;
  const std::string both = " : tensor<8x8xf32>, tensor<8x8xf32>";
  EXPECT_EQ(copied("%y = stablehlo.dot_general %a, %b" + kDot + update + "return %n, %y" + both), 1);
  EXPECT_EQ(copied("%y = stablehlo.dot_general %a, %b" + kDot + "%n = stablehlo.subtract %a, %y" + kT +
                   "return %n, %y" + both),
            0);
  EXPECT_EQ(copied(update + "return %n, %b" + both), 0);
}

// A sum that frees two values as soon as both are there goes before a value that nobody needs yet.
TEST(Lifetimes, WhatFreesMemoryRunsFirst) {
  const ir::Graph graph = ir::read_module(
      "func.func @main(%a: tensor<8x8xf32>, %b: tensor<8x8xf32>) -> (tensor<8x8xf32>, tensor<f32>) {\n"
      "%z = stablehlo.constant dense<0.0> : tensor<f32>\n"
      "%0 = stablehlo.dot_general %a, %b" +
          kDot + "%1 = stablehlo.dot_general %b, %a" + kDot +
          "%2 = stablehlo.reduce(%0 init: %z) applies stablehlo.add across dimensions = [0, 1] : "
          "(tensor<8x8xf32>, "
          "tensor<f32>) -> tensor<f32>\nreturn %1, %2 : tensor<8x8xf32>, tensor<f32>\n}\n",
      "test");
  const auto lives = lifetimes(graph);
  EXPECT_LT(lives.time[3], lives.time[2]);
}

}  // namespace
}  // namespace cordata::cost
