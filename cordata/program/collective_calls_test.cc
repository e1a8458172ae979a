// SPDX-License-Identifier: Apache-2.0
#include "cordata/program/collective_calls.h"

#include <gtest/gtest.h>

#include "cordata/ir/text.h"

namespace cordata::program {
namespace {

// One collective of 2 ranks, from `in` to `out`.
CollectiveCall call(const std::string& target, const std::string& config, const std::string& in,
                    const std::string& out) {
  const auto graph = ir::read_module(
      "func.func @main(%x: tensor<" + in + ">) -> tensor<" + out +
          "> {\n"
          "  %t = stablehlo.create_token : !stablehlo.token\n"
          "  %r:2 = \"stablehlo.custom_call\"(%x, %t) {api_version = 4 : i32, backend_config = {comm = 0 : "
          "i64, " +
          config + "}, call_target_name = \"cordata." + target + "\", has_side_effect = true} : (tensor<" +
          in + ">, !stablehlo.token) -> (tensor<" + out + ">, !stablehlo.token)\n  return %r#0 : tensor<" +
          out + ">\n}\n",
      "test");
  const auto calls = collective_calls(graph);
  EXPECT_EQ(calls.size(), 1u);
  return calls.at(0);
}

// As runtime/collectives has it: dim 0 needs no packing.
TEST(CollectiveCalls, PackWhatLiesInPieces) {
  const auto rows = call("all_gather", "dim = 0 : i64", "4x6xf32", "8x6xf32");
  EXPECT_EQ(rows.bytes, 96);
  EXPECT_EQ(rows.packed, 0);
  EXPECT_EQ(call("all_gather", "dim = 1 : i64", "4x6xf32", "4x12xf32").packed, 192);
  EXPECT_EQ(call("all_gather", "dim = 1 : i64", "1x6xf32", "1x12xf32").packed, 0);
  EXPECT_EQ(call("reduce_scatter", "dim = 1 : i64, reduce = \"add\"", "4x6xf32", "4x3xf32").packed, 96);
  const auto turned = call("all_to_all", "split_dim = 0 : i64, concat_dim = 1 : i64", "4x6xf32", "2x12xf32");
  EXPECT_EQ(turned.packed, 0);
  EXPECT_EQ(turned.received, 96);
  const auto back = call("all_to_all", "split_dim = 1 : i64, concat_dim = 0 : i64", "2x12xf32", "4x6xf32");
  EXPECT_EQ(back.packed, 96);
  EXPECT_EQ(back.received, 0);
  EXPECT_EQ(call("all_reduce", "reduce = \"add\"", "4x6xf32", "4x6xf32").packed, 0);
}

}  // namespace
}  // namespace cordata::program
