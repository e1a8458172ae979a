// SPDX-License-Identifier: Apache-2.0
#include "cordata/runtime/collectives/handlers.h"

#include <gtest/gtest.h>

#include <functional>
#include <numeric>
#include <thread>

#include "cordata/base/error.h"
#include "cordata/runtime/transport/thread_transport.h"

namespace cordata::runtime {
namespace {

Deadline soon() { return Deadline::after(base::Seconds(60)); }

// A module of one collective: `in` -> `out`, the attributes as given.
std::string module_of(const std::string& call, const std::string& in, const std::string& out,
                      const std::string& attributes, const std::string& extra = "") {
  return "func.func @main(%a: " + in + ") -> " + out + " {\n  %t = stablehlo.create_token : !stablehlo.token\n" +
         "  %r:2 = \"stablehlo.custom_call\"(%a, %t) {call_target_name = \"cordata." + call +
         "\", api_version = 4 : i32, has_side_effect = true, backend_config = {comm = 0 : i64, " + attributes + "}" +
         extra + "} : (" + in + ", !stablehlo.token) -> (" + out + ", !stablehlo.token)\n  return %r#0 : " + out +
         "\n}\n";
}

// Runs `text` on `n` ranks (threads, a client each) with rank r's input = r * 100 + i; gives each rank's result.
std::vector<std::vector<float>> run(int n, const std::string& text, const std::vector<int64_t>& dims) {
  const Plugin& plugin = Plugin::load(plugin_path());
  const int64_t type = register_collectives(plugin);
  auto world = make_thread_world(n);
  std::vector<std::vector<float>> results(n);
  std::vector<std::thread> threads;
  std::vector<int> everyone(n);
  std::iota(everyone.begin(), everyone.end(), 0);
  for (int r = 0; r < n; ++r) {
    threads.emplace_back([&, r] {
      world[r]->set_time_limit(base::Seconds(20));
      CollectiveContext collectives;
      collectives.communicators.push_back(world[r]->make_communicator(everyone));
      Client client(plugin, {.asynchronous = false});
      Executable executable = client.compile(text);
      ExecuteContext context(plugin, type, &collectives);
      const int64_t count = std::accumulate(dims.begin(), dims.end(), int64_t{1}, std::multiplies<>());
      std::vector<float> values(count);
      for (int64_t i = 0; i < count; ++i) values[i] = static_cast<float>(r * 100 + i);
      Buffer input = client.upload(values, DType::kF32, dims);
      const Buffer* arguments[] = {&input};
      results[r] = executable.execute(arguments, {&context, {}}).results[0].to_vector<float>(soon());
    });
  }
  for (auto& thread : threads) thread.join();
  return results;
}

using Floats = std::vector<float>;

TEST(Handlers, AllReduce) {
  auto text = module_of("all_reduce", "tensor<2x2xf32>", "tensor<2x2xf32>", "reduce = \"add\"");
  for (auto& result : run(4, text, {2, 2})) EXPECT_EQ(result, (Floats{600, 604, 608, 612}));
}

TEST(Handlers, AllReduceInPlace) {
  auto text = module_of("all_reduce", "tensor<2x2xf32>", "tensor<2x2xf32>", "reduce = \"max\"",
                        ", output_operand_aliases = [#stablehlo.output_operand_alias<output_tuple_indices = [0], "
                        "operand_index = 0, operand_tuple_indices = []>]");
  for (auto& result : run(2, text, {2, 2})) EXPECT_EQ(result, (Floats{100, 101, 102, 103}));
}

TEST(Handlers, AllGatherOnEitherDim) {
  auto rows = module_of("all_gather", "tensor<2x2xf32>", "tensor<4x2xf32>", "dim = 0 : i64");
  for (auto& result : run(2, rows, {2, 2})) EXPECT_EQ(result, (Floats{0, 1, 2, 3, 100, 101, 102, 103}));
  auto columns = module_of("all_gather", "tensor<2x2xf32>", "tensor<2x4xf32>", "dim = 1 : i64");
  for (auto& result : run(2, columns, {2, 2})) EXPECT_EQ(result, (Floats{0, 1, 100, 101, 2, 3, 102, 103}));
}

TEST(Handlers, ReduceScatterOnEitherDim) {
  auto rows = run(2, module_of("reduce_scatter", "tensor<2x2xf32>", "tensor<1x2xf32>",
                               "dim = 0 : i64, reduce = \"add\""), {2, 2});
  EXPECT_EQ(rows, (std::vector<Floats>{{100, 102}, {104, 106}}));
  auto columns = run(2, module_of("reduce_scatter", "tensor<2x2xf32>", "tensor<2x1xf32>",
                                  "dim = 1 : i64, reduce = \"add\""), {2, 2});
  EXPECT_EQ(columns, (std::vector<Floats>{{100, 104}, {102, 106}}));
}

TEST(Handlers, AllToAll) {
  auto result = run(2, module_of("all_to_all", "tensor<2x2xf32>", "tensor<4x1xf32>",
                                 "split_dim = 1 : i64, concat_dim = 0 : i64"), {2, 2});
  EXPECT_EQ(result, (std::vector<Floats>{{0, 2, 100, 102}, {1, 3, 101, 103}}));
  auto back = run(2, module_of("all_to_all", "tensor<2x2xf32>", "tensor<1x4xf32>",
                               "split_dim = 0 : i64, concat_dim = 1 : i64"), {2, 2});
  EXPECT_EQ(back, (std::vector<Floats>{{0, 1, 100, 101}, {2, 3, 102, 103}}));
}

TEST(Handlers, CollectivePermute) {
  auto text = module_of("permute", "tensor<2xf32>", "tensor<2xf32>",
                        "pairs = array<i64: 0, 1>");
  EXPECT_EQ(run(2, text, {2}), (std::vector<Floats>{{0, 0}, {0, 1}}));
}

TEST(Handlers, AMissingCommunicatorIsAnErrorNotACrash) {
  const Plugin& plugin = Plugin::load(plugin_path());
  CollectiveContext none;
  ExecuteContext context(plugin, register_collectives(plugin), &none);
  Client client(plugin, {});
  auto text = module_of("all_reduce", "tensor<2xf32>", "tensor<2xf32>", "reduce = \"add\"");
  Executable executable = client.compile(text);
  std::vector<int64_t> dims{2};
  Buffer input = client.upload(std::vector<float>{1, 2}, DType::kF32, dims);
  const Buffer* arguments[] = {&input};
  try {
    executable.execute(arguments, {&context, {}}).done.await(soon(), "run");
    FAIL();
  } catch (const base::Error& error) {
    EXPECT_NE(std::string(error.what()).find("communicator 0 of 0"), std::string::npos) << error.what();
  }
}

}  // namespace
}  // namespace cordata::runtime
