// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>
#include <gtest/gtest.h>

#include "cordata/ir/op_table.h"
#include "cordata/ir/text.h"

namespace cordata::ir {
namespace {

// The rule of a loop that carries a counter, a matrix and a vector, with `body` making %m and %u of %x and
// %v.
std::string rule_of(const std::string& body) {
  const Graph graph = read_module(fmt::format(R"(
    func.func @main(%x: tensor<8x6xf32>, %v: tensor<6xf32>, %w: tensor<8x6xf32>) -> tensor<8x6xf32> {{
      %zero = stablehlo.constant dense<0> : tensor<i32>
      %r:3 = stablehlo.while(%i = %zero, %x0 = %x, %v0 = %v) : tensor<i32>, tensor<8x6xf32>, tensor<6xf32>
      cond {{
        %end = stablehlo.constant dense<5> : tensor<i32>
        %more = stablehlo.compare LT, %i, %end : (tensor<i32>, tensor<i32>) -> tensor<i1>
        stablehlo.return %more : tensor<i1>
      }} do {{
        %one = stablehlo.constant dense<1> : tensor<i32>
        %next = stablehlo.add %i, %one : tensor<i32>
        {}
        stablehlo.return %next, %m, %u : tensor<i32>, tensor<8x6xf32>, tensor<6xf32>
      }}
      return %r#1 : tensor<8x6xf32>
    }})",
                                              body));
  for (NodeId n : graph.ops())
    if (graph.node(n).kind == OpKind::kWhile) return to_string(factor_rule(graph, graph.node(n)));
  return "no loop";
}

TEST(LoopRule, DimsThatAllOpsPassOn) {
  EXPECT_EQ(rule_of(R"(
        %s = stablehlo.constant dense<2.0> : tensor<8x6xf32>
        %b = stablehlo.broadcast_in_dim %v0, dims = [1] : (tensor<6xf32>) -> tensor<8x6xf32>
        %a = stablehlo.multiply %b, %s : tensor<8x6xf32>
        %m = stablehlo.add %x0, %a : tensor<8x6xf32>
        %u = stablehlo.negate %v0 : tensor<6xf32>)"),
            "([], [i, j], [j])->([], [i, j], [j]) {i=8, j=6} special={i, j}");
}

TEST(LoopRule, ADimThatIsMixedStaysWhole) {
  EXPECT_EQ(rule_of(R"(
        %m = stablehlo.reverse %x0, dims = [0] : tensor<8x6xf32>
        %u = stablehlo.sine %v0 : tensor<6xf32>)"),
            "([], [1, i], [j])->([], [1, i], [j]) {i=6, j=6} special={i, j}");
  EXPECT_EQ(rule_of(R"(
        %m = stablehlo.sine %x0 : tensor<8x6xf32>
        %z = stablehlo.constant dense<0.0> : tensor<f32>
        %u = stablehlo.reduce(%x0 init: %z) applies stablehlo.add across dimensions = [0] : (tensor<8x6xf32>, tensor<f32>) -> tensor<6xf32>)"),
            "([], [1, 1], [1])->([], [1, 1], [1])");
}

TEST(LoopRule, ALoopThatReadsFromOutsideRunsReplicated) {
  EXPECT_EQ(rule_of(R"(
        %m = stablehlo.add %x0, %w : tensor<8x6xf32>
        %u = stablehlo.sine %v0 : tensor<6xf32>)"),
            "([], [1, 1], [1])->([], [1, 1], [1])");
}

}  // namespace
}  // namespace cordata::ir
