// SPDX-License-Identifier: Apache-2.0
// What the reader refuses, and with which words. That it reads what MLIR prints, in every form,
// tests/oracle/test_corpus.py shows beside MLIR itself.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <malloc.h>

#include <sstream>

#include "cordata/base/error.h"
#include "cordata/ir/text.h"

namespace cordata::ir {
namespace {

using testing::HasSubstr;

std::string refusal(const std::string& text) {
  try {
    read_module(text, "m.mlir");
  } catch (const base::Error& e) {
    EXPECT_EQ(e.kind(), base::ErrorKind::kUser);
    return e.what();
  }
  return "it was read";
}

std::string in_main(const std::string& line, const std::string& args = "%x: tensor<2x3xf32>") {
  return "func.func @main(" + args + ") {\n  " + line + "\n  return\n}\n";
}

// "where: words", the line, and a caret right under the column.
void expect_refused(const std::string& text, int line, int column, const std::string& words) {
  std::string got = refusal(text);
  EXPECT_THAT(got, HasSubstr(fmt::format("[ir.reader] m.mlir:{}:{}: ", line, column))) << text;
  EXPECT_THAT(got, HasSubstr(words)) << text;
  std::vector<std::string> lines;
  std::istringstream in(got);
  for (std::string l; std::getline(in, l);) lines.push_back(l);
  ASSERT_GE(lines.size(), 3u) << got;
  EXPECT_EQ(lines.back(), std::string(2 + column - 1, ' ') + "^") << got;
}

TEST(ReaderErrors, HaveAPlaceACaretAndWhatWasWanted) {
  expect_refused("func.func @main( {\n}", 1, 16, "wanted a closing ')', got the end of the text");
  expect_refused(in_main("%0 = stablehlo.abs %x tensor<2x3xf32>"), 2, 25, "wanted ':', got 'tensor'");
  expect_refused(in_main("%0 = stablehlo.abs %y : tensor<2x3xf32>"), 2, 22,
                 "wanted a value defined before, got %y");
  expect_refused(in_main("%0 = stablehlo.abs %x#1 : tensor<2x3xf32>"), 2, 22,
                 "wanted one of the 1 results of %x, got #1");
  expect_refused(in_main("%x = stablehlo.abs %x : tensor<2x3xf32>"), 3, 3, "wanted %x to be defined once");
  expect_refused(in_main("%0 = stablehlo.abs %x : tensor<2x3xf33>"), 2, 38,
                 "wanted an element type such as f32");
  expect_refused(in_main("%0 = stablehlo.abs %x : tensor<3x2xf32>"), 2, 8,
                 "wanted tensor<2x3xf32> as the type of operand 0");
  expect_refused(in_main("%0 = stablehlo.abbs %x : tensor<2x3xf32>"), 2, 8,
                 "wanted an op of StableHLO or CHLO, got stablehlo.abbs");
  expect_refused(in_main("%0:2 = stablehlo.abs %x : tensor<2x3xf32>"), 2, 10,
                 "wanted names for 1 results of stablehlo.abs, got 2");
  expect_refused(in_main("%0 = stablehlo.slice %x [0:2, 1-3] : (tensor<2x3xf32>) -> tensor<2x2xf32>"), 2, 34,
                 "wanted ':'");
  expect_refused(in_main("%0 = call @nobody(%x) : (tensor<2x3xf32>) -> tensor<2x3xf32>"), 2, 8,
                 "got @nobody");
  expect_refused(in_main("%0 = stablehlo.constant dense<[1.0, 2.0]> : tensor<3xf32>"), 2, 33,
                 "wanted 3 entries for dimension 0");
  expect_refused(in_main("%0 = stablehlo.constant dense<[1, 2]> : tensor<2xf32>"), 2, 34,
                 "wanted a floating point number such as 1.0");
  expect_refused(in_main("%0 = stablehlo.constant dense<300> : tensor<2xui8>"), 2, 33,
                 "wanted an integer that fits the element type");
  expect_refused(in_main("%0 = stablehlo.constant dense<\"0x00Q0\"> : tensor<2xui8>"), 2, 38,
                 "wanted hex digits");
  expect_refused(in_main("%0 = stablehlo.constant dense<\"0x000000\"> : tensor<2xui8>"), 2, 33,
                 "wanted 2 bytes of hex digits");
  expect_refused(in_main("%0 = stablehlo.constant dense_resource<w> : tensor<2xf32>"), 2, 42,
                 "wanted a resource of the module's");
  expect_refused(in_main("%0 = stablehlo.abs %x {a = \"b} : tensor<2x3xf32>"), 2, 30,
                 "wanted the string to end with '\"'");
}

TEST(ReaderErrors, OfAnOpNameTheOpAndItsShapes) {
  expect_refused(in_main("%0 = stablehlo.dot_general %x, %x, contracting_dims = [1] x [0] : "
                         "(tensor<2x3xf32>, tensor<2x3xf32>) -> tensor<2x3xf32>"),
                 2, 8, "[ir.dot_general]");
  expect_refused(in_main("%0 = stablehlo.reshape %x : (tensor<2x3xf32>) -> tensor<7xf32>"), 2, 8,
                 "[ir.reshape]");
  expect_refused(in_main("%0 = stablehlo.transpose %x, dims = [0, 0] : (tensor<2x3xf32>) -> tensor<2x3xf32>"),
                 2, 8, "[ir.transpose]");
}

TEST(ReaderErrors, DynamicShapesAreRefusedAsSuch) {
  expect_refused("func.func @main(%x: tensor<?x3xf32>) { return }", 1, 28,
                 "dynamic shapes are not supported");
  expect_refused(
      in_main("%0 = stablehlo.dynamic_reshape %x, %x : (tensor<2x3xf32>, tensor<2x3xf32>) -> tensor<6xf32>"),
      2, 8, "dynamic shapes are not supported");
  EXPECT_THAT(refusal("func.func @main(%x: tensor<*xf32>) { return }"),
              HasSubstr("dynamic shapes are not supported"));
}

TEST(ReaderErrors, QuantisedTypesAreRefusedAsSuch) {
  EXPECT_THAT(refusal("func.func @main(%x: tensor<2x!quant.uniform<i8:f32, 1.0>>) { return }"),
              HasSubstr("quantised types are not supported"));
  EXPECT_THAT(refusal(in_main("%0 = stablehlo.uniform_quantize %x : (tensor<2x3xf32>) -> tensor<2x3xf32>")),
              HasSubstr("quantised types are not supported"));
}

TEST(ReaderErrors, RecursionAndDepthAreLimited) {
  EXPECT_THAT(refusal("func.func @main() { call @main() : () -> () return }"),
              HasSubstr("got a recursion of @main"));
  EXPECT_THAT(refusal(in_main("%0 = stablehlo.abs %x {a = " + std::string(300, '[') + std::string(300, ']') +
                              "} : tensor<2x3xf32>")),
              HasSubstr("at most 256 levels"));
  EXPECT_THAT(refusal("func.func private @a() { return }"),
              HasSubstr("wanted a function @main or one public function"));
  EXPECT_THAT(refusal(""), HasSubstr("got 0 public ones"));
}

TEST(Reader, AliasesResourcesAndLocationsAreResolved) {
  Graph g = read_module(R"(#loc = loc("a.py":1:2)
#order = #stablehlo<comparison_direction LT>
!pair = tensor<2xf32>
module @m attributes {k = 1 : i64} {
  func.func public @main(%arg0: !pair loc("x")) -> (!pair {jax.result_info = "y"}) {
    %cst = stablehlo.constant dense_resource<w> : !pair loc(#loc)
    %0 = "stablehlo.compare"(%arg0, %cst) <{comparison_direction = #order}> : (!pair, !pair) -> tensor<2xi1> loc(#loc)
    return %cst : !pair loc(#loc)
  } loc(#loc)
} loc(#loc)
{-#
  dialect_resources: {
    builtin: {
      w: "0x040000000000803F00000040"
    }
  }
#-}
)");
  ASSERT_EQ(g.ops().size(), 2u);
  const Attribute* value = Graph::find_attr(g.node(g.ops()[0]), "value");
  ASSERT_NE(value, nullptr);
  EXPECT_EQ(value->dense().type, Type::tensor(DType::kF32, {2}));
  EXPECT_FALSE(value->dense().splat);
  EXPECT_THAT(write_module(g), HasSubstr("\"0x0000803F00000040\""));
  EXPECT_THAT(write_module(g), HasSubstr("#stablehlo<comparison_direction LT>"));
  EXPECT_EQ(g.name(), "m");
}

TEST(Reader, CallsAndCompositesAreInlinedWhereTheyStand) {
  Graph g = read_module(R"(
    func.func @main(%x: tensor<2xf32>) -> tensor<2xf32> {
      %0:2 = call @swap(%x, %x) : (tensor<2xf32>, tensor<2xf32>) -> (tensor<2xf32>, tensor<2xf32>)
      %1 = stablehlo.composite "some.twice" %0#1 {decomposition = @twice} : (tensor<2xf32>) -> tensor<2xf32>
      return %1 : tensor<2xf32>
    }
    func.func private @swap(%a: tensor<2xf32>, %b: tensor<2xf32>) -> (tensor<2xf32>, tensor<2xf32>) {
      %0 = stablehlo.negate %a : tensor<2xf32>
      return %b, %0 : tensor<2xf32>, tensor<2xf32>
    }
    func.func private @twice(%a: tensor<2xf32>) -> tensor<2xf32> {
      %0 = stablehlo.add %a, %a : tensor<2xf32>
      return %0 : tensor<2xf32>
    })");
  ASSERT_EQ(g.ops().size(), 2u);
  EXPECT_EQ(g.node(g.ops()[0]).kind, OpKind::kNegate);
  EXPECT_EQ(g.node(g.ops()[1]).kind, OpKind::kAdd);
  EXPECT_EQ(g.node(g.ops()[1]).operands[0], g.node(g.ops()[0]).result());
  EXPECT_EQ(g.node(g.ops()[1]).line, 12);
}

TEST(Reader, NamesOfValuesMayBeAnything) {
  Graph g = read_module(
      R"(func.func @main(%7: tensor<f32>, %007: tensor<f32>, %arg.x-1: tensor<f32>) -> tensor<f32> {
    %4294967296 = stablehlo.add %7, %007 : tensor<f32>
    %0 = stablehlo.while(%i = %4294967296) : tensor<f32> cond {
      %1 = stablehlo.compare LT, %i, %arg.x-1 : (tensor<f32>, tensor<f32>) -> tensor<i1>
      stablehlo.return %1 : tensor<i1>
    } do {
      %1 = stablehlo.add %i, %i : tensor<f32>
      stablehlo.return %1 : tensor<f32>
    }
    %1 = stablehlo.negate %0 : tensor<f32>
    return %1 : tensor<f32>
  })");
  EXPECT_EQ(g.ops().size(), 3u);
  EXPECT_EQ(write_module(read_module(write_module(g))), write_module(g));
  EXPECT_THAT(refusal("func.func @main(%a: tensor<f32>) { %0 = stablehlo.add %a, %00 : tensor<f32> return }"),
              HasSubstr("got %00"));
}

TEST(ReaderErrors, AFileThatIsNotThere) {
  EXPECT_THROW(read_module_file("/no/such/file.mlir"), base::Error);
  EXPECT_THROW(read_module_file("/"), base::Error);
}

// 46 bytes an op, the shortest that JAX prints: what is read stays below three times its text.
TEST(Reader, AGraphOfOpsIsNotMuchLargerThanItsText) {
#ifdef __SANITIZE_ADDRESS__
  GTEST_SKIP() << "sanitizers keep their own books of memory";
#endif
  std::string text =
      "func.func @main(%x: tensor<4xf32>) -> tensor<4xf32> {\n  %0 = stablehlo.add %x, %x : tensor<4xf32>\n";
  constexpr int kOps = 50000;
  for (int i = 1; i < kOps; ++i)
    text += fmt::format("  %{} = stablehlo.add %{}, %x : tensor<4xf32>\n", i, i - 1);
  text += fmt::format("  return %{} : tensor<4xf32>\n}}\n", kOps - 1);
  auto held = [] { return mallinfo2().uordblks + mallinfo2().hblkhd; };
  size_t before = held();
  Graph graph = read_module(text);
  EXPECT_EQ(graph.num_nodes(), kOps);
  EXPECT_LT(held() - before, 2 * text.size());
}

}  // namespace
}  // namespace cordata::ir
