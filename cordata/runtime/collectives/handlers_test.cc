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
  return "func.func @main(%a: " + in + ") -> " + out +
         " {\n  %t = stablehlo.create_token : !stablehlo.token\n" +
         "  %r:2 = \"stablehlo.custom_call\"(%a, %t) {call_target_name = \"cordata." + call +
         "\", api_version = 4 : i32, has_side_effect = true, backend_config = {comm = 0 : i64, " +
         attributes + "}" + extra + "} : (" + in + ", !stablehlo.token) -> (" + out +
         ", !stablehlo.token)\n  return %r#0 : " + out + "\n}\n";
}

// Runs `text` on `n` ranks (threads, a client each) with rank r's input = r * 100 + i; gives each rank's
// result.
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
      HeldBytes held;
      CollectiveContext collectives(held);
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
  auto text =
      module_of("all_reduce", "tensor<2x2xf32>", "tensor<2x2xf32>", "reduce = \"max\"",
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
  auto rows = run(
      2, module_of("reduce_scatter", "tensor<2x2xf32>", "tensor<1x2xf32>", "dim = 0 : i64, reduce = \"add\""),
      {2, 2});
  EXPECT_EQ(rows, (std::vector<Floats>{{100, 102}, {104, 106}}));
  auto columns = run(
      2, module_of("reduce_scatter", "tensor<2x2xf32>", "tensor<2x1xf32>", "dim = 1 : i64, reduce = \"add\""),
      {2, 2});
  EXPECT_EQ(columns, (std::vector<Floats>{{100, 104}, {102, 106}}));
}

TEST(Handlers, AllToAll) {
  auto result = run(2,
                    module_of("all_to_all", "tensor<2x2xf32>", "tensor<4x1xf32>",
                              "split_dim = 1 : i64, concat_dim = 0 : i64"),
                    {2, 2});
  EXPECT_EQ(result, (std::vector<Floats>{{0, 2, 100, 102}, {1, 3, 101, 103}}));
  auto back = run(2,
                  module_of("all_to_all", "tensor<2x2xf32>", "tensor<1x4xf32>",
                            "split_dim = 0 : i64, concat_dim = 1 : i64"),
                  {2, 2});
  EXPECT_EQ(back, (std::vector<Floats>{{0, 1, 100, 101}, {2, 3, 102, 103}}));
}

TEST(Handlers, CollectivePermute) {
  auto text = module_of("permute", "tensor<2xf32>", "tensor<2xf32>", "pairs = array<i64: 0, 1>");
  EXPECT_EQ(run(2, text, {2}), (std::vector<Floats>{{0, 0}, {0, 1}}));
}

// What a rank's modules asked of a communicator, in order, and whether result and operand were the same
// memory.
struct Asked {
  std::string call;
  int64_t size;
  bool in_place;
  auto operator<=>(const Asked&) const = default;
};

class Recorder : public Communicator {
 public:
  Recorder(std::unique_ptr<Communicator> inner, std::vector<Asked>& asked)
      : inner_(std::move(inner)), asked_(asked) {}
  int rank() const override { return inner_->rank(); }
  int size() const override { return inner_->size(); }
  void all_reduce(const void* in, void* out, int64_t count, DType type, Reduce reduce) override {
    asked_.push_back({"all_reduce", count, in == out});
    inner_->all_reduce(in, out, count, type, reduce);
  }
  void all_gather(const void* in, void* out, int64_t bytes) override {
    asked_.push_back({"all_gather", bytes, in == out});
    inner_->all_gather(in, out, bytes);
  }
  void reduce_scatter(const void* in, void* out, int64_t count, DType type, Reduce reduce) override {
    asked_.push_back({"reduce_scatter", count, in == out});
    inner_->reduce_scatter(in, out, count, type, reduce);
  }
  void all_to_all(const void* in, void* out, int64_t bytes) override {
    asked_.push_back({"all_to_all", bytes, in == out});
    inner_->all_to_all(in, out, bytes);
  }
  void permute(const void* in, void* out, int64_t bytes,
               std::span<const std::pair<int, int>> pairs) override {
    asked_.push_back({"permute", bytes, in == out});
    inner_->permute(in, out, bytes, pairs);
  }
  void broadcast(void* data, int64_t bytes, int root) override { inner_->broadcast(data, bytes, root); }
  void barrier() override { inner_->barrier(); }

 private:
  std::unique_ptr<Communicator> inner_;
  std::vector<Asked>& asked_;
};

constexpr const char* kResultTakesOver =
    ", output_operand_aliases = [#stablehlo.output_operand_alias<output_tuple_indices = [0], operand_index = "
    "0, "
    "operand_tuple_indices = []>]";

// A donated argument is reduced where it lies: same memory before, within and after the call, step after
// step.
TEST(Handlers, ADonatedArgumentIsReducedWhereItLies) {
  const Plugin& plugin = Plugin::load(plugin_path());
  HeldBytes held;
  CollectiveContext collectives(held);
  std::vector<Asked> asked;
  auto world = make_thread_world(1);
  collectives.communicators.push_back(std::make_unique<Recorder>(world[0]->make_communicator({0}), asked));
  ExecuteContext context(plugin, register_collectives(plugin), &collectives);
  Client client(plugin, {.asynchronous = false});
  std::string text =
      module_of("all_reduce", "tensor<1024xf32>", "tensor<1024xf32>", "reduce = \"add\"", kResultTakesOver);
  auto pointers = [&](const std::string& module) {
    Executable executable = client.compile(module);
    std::vector<int64_t> dims{1024};
    Buffer value = client.upload(std::vector<float>(1024, 2.f), DType::kF32, dims);
    const auto* before = value.host_pointer();
    bool same = true;
    for (int i = 0; i < 3; ++i) {
      const Buffer* arguments[] = {&value};
      Execution done = executable.execute(arguments, {&context, {}});
      done.done.await(soon(), "run");
      value = std::move(done.results[0]);
      same &= value.host_pointer() == before;
    }
    EXPECT_EQ(value.to_vector<float>(soon()), std::vector<float>(1024, 2.f));
    return same;
  };
  const std::string argument = "tensor<1024xf32>)";
  std::string donated = text;
  donated.replace(donated.find(argument), argument.size(),
                  "tensor<1024xf32> {tf.aliasing_output = 0 : i32})");
  EXPECT_TRUE(pointers(donated));
  EXPECT_EQ(asked, std::vector<Asked>(3, {"all_reduce", 1024, true}));
  EXPECT_FALSE(pointers(text)) << "an argument that is not given away keeps its memory";
}

// Collectives whose values have nothing to do with each other, chained by their tokens alone: every rank must
// ask for them in that order, and do so each time. Results are used in the opposite order, and have different
// sizes, to invite another one.
TEST(Handlers, TokensOrderCollectivesThatAreIndependent) {
  constexpr int kRanks = 2, kPairs = 6, kRuns = 20;
  std::string text =
      "func.func @main(%a: tensor<4096xf32>) -> tensor<f32> {\n  %zero = stablehlo.constant dense<0.0> : "
      "tensor<f32>\n"
      "  %t0 = stablehlo.create_token : !stablehlo.token\n  %s0 = stablehlo.constant dense<0.0> : "
      "tensor<f32>\n";
  std::vector<Asked> wanted;
  auto custom_call = [&](int n, const std::string& call, int in, int out, const std::string& attributes) {
    text += fmt::format(
        "  %x{0} = stablehlo.slice %a [0:{1}] : (tensor<4096xf32>) -> tensor<{1}xf32>\n"
        "  %r{0}:2 = \"stablehlo.custom_call\"(%x{0}, %t{0}) {{call_target_name = \"cordata.{2}\", "
        "api_version = 4 : i32, "
        "has_side_effect = true, backend_config = {{comm = 0 : i64, {3}}}}} : (tensor<{1}xf32>, "
        "!stablehlo.token) -> "
        "(tensor<{4}xf32>, !stablehlo.token)\n"
        "  %t{5} = stablehlo.after_all %r{0}#1 : !stablehlo.token\n",
        n, in, call, attributes, out, n + 1);
  };
  for (int i = 0; i < kPairs; ++i) {
    const int size = 4096 >> (i * 5 % kPairs);
    custom_call(2 * i, "all_reduce", size, size, "reduce = \"add\"");
    custom_call(2 * i + 1, "all_gather", size / 2, size, "dim = 0 : i64");
    wanted.push_back({"all_reduce", size, false});
    wanted.push_back({"all_gather", size * 2, false});
  }
  for (int n = 2 * kPairs - 1, s = 0; n >= 0; --n, ++s) {
    const int size = 4096 >> (n / 2 * 5 % kPairs);
    text += fmt::format(
        "  %m{0} = stablehlo.slice %r{0}#0 [{1}:{2}] : (tensor<{2}xf32>) -> tensor<1xf32>\n"
        "  %v{0} = stablehlo.reshape %m{0} : (tensor<1xf32>) -> tensor<f32>\n"
        "  %s{4} = stablehlo.add %s{3}, %v{0} : tensor<f32>\n",
        n, size - 1, size, s, s + 1);
  }
  text += fmt::format("  return %s{} : tensor<f32>\n}}\n", 2 * kPairs);

  const Plugin& plugin = Plugin::load(plugin_path());
  const int64_t type = register_collectives(plugin);
  auto world = make_thread_world(kRanks);
  std::vector<std::vector<Asked>> asked(kRanks);
  std::vector<std::vector<float>> sums(kRanks);
  std::vector<std::thread> threads;
  for (int r = 0; r < kRanks; ++r) {
    threads.emplace_back([&, r] {
      world[r]->set_time_limit(base::Seconds(20));
      HeldBytes held;
      CollectiveContext collectives(held);
      collectives.communicators.push_back(
          std::make_unique<Recorder>(world[r]->make_communicator({0, 1}), asked[r]));
      ExecuteContext context(plugin, type, &collectives);
      Client client(plugin, {.threads = 4, .asynchronous = false});
      Executable executable = client.compile(text);
      std::vector<int64_t> dims{4096};
      Buffer input = client.upload(std::vector<float>(4096, 1.f + r), DType::kF32, dims);
      const Buffer* arguments[] = {&input};
      for (int i = 0; i < kRuns; ++i)
        sums[r] = executable.execute(arguments, {&context, {}}).results[0].to_vector<float>(soon());
    });
  }
  for (auto& thread : threads) thread.join();
  std::vector<Asked> all;
  for (int i = 0; i < kRuns; ++i) all.insert(all.end(), wanted.begin(), wanted.end());
  for (int r = 0; r < kRanks; ++r) {
    for (Asked& one : asked[r]) one.in_place = false;
    EXPECT_EQ(asked[r], all) << "rank " << r;
    EXPECT_EQ(sums[r], Floats{kPairs * (3.f + 2.f)});
  }
}

TEST(Handlers, AMissingCommunicatorIsAnErrorNotACrash) {
  const Plugin& plugin = Plugin::load(plugin_path());
  HeldBytes held;
  CollectiveContext none(held);
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
