// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <atomic>
#include <cmath>
#include <cstdlib>
#include <fstream>
#include <thread>

#include "cordata/base/error.h"
#include "cordata/runtime/pjrt/client.h"

namespace cordata::runtime {
namespace {

constexpr int64_t kN = 256;
const std::vector<int64_t> kDims{kN};

Deadline soon() { return Deadline::after(base::Seconds(60)); }

const Client& client() {
  static const Client one(Plugin::load(plugin_path()), {});
  return one;
}

std::string add_module(const std::string& attribute) {
  return "func.func @main(%a: tensor<256xf32>" + attribute +
         ", %b: tensor<256xf32>) -> tensor<256xf32> {\n"
         "  %0 = stablehlo.add %a, %b : tensor<256xf32>\n  return %0 : tensor<256xf32>\n}\n";
}

std::vector<float> filled(float value) { return std::vector<float>(kN, value); }

TEST(Plugin, RefusesWhatIsNoPlugin) {
  auto path = std::filesystem::temp_directory_path() / "cordata_no_plugin.so";
  std::ofstream(path) << "not a shared object";
  try {
    Plugin::load(path);
    FAIL() << "loaded a text file";
  } catch (const base::Error& error) {
    EXPECT_EQ(error.kind(), base::ErrorKind::kUser);
    EXPECT_NE(std::string(error.what()).find("wanted a PJRT plugin"), std::string::npos) << error.what();
  }
  std::filesystem::remove(path);
}

TEST(Plugin, RefusesLibrariesWithoutTheApi) {
  try {
    Plugin::load("libc.so.6");
    FAIL();
  } catch (const base::Error& error) {
    EXPECT_EQ(error.kind(), base::ErrorKind::kUser);
  }
}

TEST(Plugin, PathComesFromFlagThenEnvironment) {
  EXPECT_THROW(plugin_path("/no/such/plugin.so"), base::Error);
  setenv("CORDATA_PJRT_PLUGIN", "/no/such/plugin.so", 1);
  EXPECT_THROW(plugin_path(), base::Error);
  unsetenv("CORDATA_PJRT_PLUGIN");
  EXPECT_TRUE(std::filesystem::exists(plugin_path()));
}

TEST(Client, MakesTheDevicesAskedFor) {
  EXPECT_EQ(client().num_devices(), 1);
  EXPECT_EQ(client().platform(), "cpu");
  EXPECT_FALSE(client().device(0).kind.empty());
}

TEST(Buffer, KeepsTypeShapeAndValues) {
  std::vector<int64_t> dims{2, 3};
  std::vector<double> values{1, 2, 3, 4, 5, 6};
  Buffer buffer = client().upload(values, DType::kF64, dims);
  EXPECT_EQ(buffer.type(), DType::kF64);
  EXPECT_EQ(buffer.dims(), dims);
  EXPECT_EQ(buffer.num_bytes(), 48);
  EXPECT_EQ(buffer.to_vector<double>(soon()), values);
  EXPECT_TRUE(buffer.host_visible());
  std::vector<float> wrong(1);
  EXPECT_THROW(buffer.download(std::as_writable_bytes(std::span(wrong)), soon()), base::Error);
}

TEST(Buffer, WithoutCopyAliasesAlignedMemoryAndFreesItLater) {
  auto* memory = static_cast<float*>(std::aligned_alloc(64, kN * sizeof(float)));
  std::fill_n(memory, kN, 7.f);
  std::atomic<bool> freed = false;
  {
    std::shared_ptr<const void> owner(memory, [&](const void* p) {
      std::free(const_cast<void*>(p));
      freed = true;
    });
    Buffer buffer = client().upload_without_copy(memory, owner, DType::kF32, kDims);
    owner.reset();
    EXPECT_EQ(static_cast<void*>(buffer.host_pointer()), memory);
    EXPECT_FALSE(freed);
    EXPECT_EQ(buffer.to_vector<float>(soon()), filled(7));
  }
  for (int i = 0; i < 1000 && !freed; ++i) std::this_thread::sleep_for(std::chrono::milliseconds(1));
  EXPECT_TRUE(freed);
}

TEST(Buffer, AllocatedMemoryIsWritableAndDonatedInPlace) {
  Buffer buffer = client().allocate(DType::kF32, kDims);
  buffer.await(soon());
  std::byte* memory = buffer.host_pointer();
  std::fill_n(reinterpret_cast<float*>(memory), kN, 3.f);
  Buffer other = client().upload(filled(1), DType::kF32, kDims);
  Executable add = client().compile(add_module(" {tf.aliasing_output = 0 : i32}"));
  const Buffer* arguments[] = {&buffer, &other};
  Execution run = add.execute(arguments);
  run.done.await(soon(), "add");
  EXPECT_EQ(run.results[0].to_vector<float>(soon()), filled(4));
  EXPECT_EQ(run.results[0].host_pointer(), memory);
  EXPECT_TRUE(buffer.deleted());
}

TEST(Executable, RunsAndSaysWhatItNeeds) {
  Executable add = client().compile(add_module(""));
  EXPECT_EQ(add.num_results(), 1);
  EXPECT_EQ(add.memory().arguments.value, 2 * 4 * kN);
  EXPECT_EQ(add.memory().results.value, 4 * kN);
  if (auto cost = add.cost()) {
    EXPECT_EQ(cost->flops.value, kN);
  }
  Buffer a = client().upload(filled(2), DType::kF32, kDims),
         b = client().upload(filled(5), DType::kF32, kDims);
  const Buffer* arguments[] = {&a, &b};
  EXPECT_EQ(add.execute(arguments).results[0].to_vector<float>(soon()), filled(7));
  EXPECT_FALSE(a.deleted());
}

TEST(Executable, DonatesByTheModulesAttributesUnlessToldToKeep) {
  Executable add = client().compile(add_module(" {tf.aliasing_output = 0 : i32}"));
  Buffer a = client().upload(filled(2), DType::kF32, kDims),
         b = client().upload(filled(5), DType::kF32, kDims);
  a.await(soon());
  std::byte* before = a.host_pointer();
  const Buffer* arguments[] = {&a, &b};
  const int64_t kept[] = {0};
  Buffer copy = std::move(add.execute(arguments, {nullptr, kept}).results[0]);
  EXPECT_FALSE(a.deleted());
  EXPECT_EQ(copy.to_vector<float>(soon()), filled(7));
  Buffer in_place = std::move(add.execute(arguments).results[0]);
  EXPECT_TRUE(a.deleted());
  EXPECT_EQ(in_place.host_pointer(), before);
  EXPECT_THROW(add.execute(arguments), base::Error);
}

TEST(Executable, CompileErrorsCarryThePluginsWords) {
  try {
    client().compile("func.func @main() { this is no module }");
    FAIL();
  } catch (const base::Error& error) {
    EXPECT_EQ(error.kind(), base::ErrorKind::kEnvironment);
    EXPECT_NE(std::string(error.what()).find("compile a module"), std::string::npos);
  }
}

// What the pinned plugin miscompiles if it is let (compiler_faults.h), at top level and in a loop.
TEST(Executable, AnUpdateOutsideOfASliceIsDropped) {
  constexpr auto kText = R"(
func.func @main(%start: tensor<i32>) -> tensor<25xf32> {
  %all = stablehlo.iota dim = 0 : tensor<50xf32>
  %part = stablehlo.dynamic_slice %all, %start, sizes = [25] : (tensor<50xf32>, tensor<i32>) -> tensor<25xf32>
  %index = stablehlo.constant dense<32> : tensor<1xi64>
  %update = stablehlo.constant dense<100.0> : tensor<f32>
  %sum = "stablehlo.scatter"(%part, %index, %update) <{scatter_dimension_numbers = #stablehlo.scatter<inserted_window_dims = [0], scatter_dims_to_operand_dims = [0]>}> ({
  ^bb0(%a: tensor<f32>, %b: tensor<f32>):
    %ab = stablehlo.add %a, %b : tensor<f32>
    stablehlo.return %ab : tensor<f32>
  }) : (tensor<25xf32>, tensor<1xi64>, tensor<f32>) -> tensor<25xf32>
  return %sum : tensor<25xf32>
})";
  const int32_t start = 0;
  Buffer a = client().upload(&start, DType::kI32, {});
  const Buffer* arguments[] = {&a};
  const auto y = client().compile(kText).execute(arguments).results.at(0).to_vector<float>(soon());
  for (int i = 0; i < 25; ++i) EXPECT_EQ(y[i], static_cast<float>(i)) << i;
}

TEST(Executable, ArcTangentsOfVectorsAreRight) {
  constexpr auto kText = R"(
func.func @main(%a: tensor<256xf32>) -> (tensor<256xf32>, tensor<256xf32>, tensor<256xf32>) {
  %one = stablehlo.constant dense<1.0> : tensor<256xf32>
  %scalar = stablehlo.constant dense<1.0> : tensor<f32>
  %spread = stablehlo.broadcast_in_dim %scalar, dims = [] : (tensor<f32>) -> tensor<256xf32>
  %0 = "chlo.atan"(%a) : (tensor<256xf32>) -> tensor<256xf32>
  %1 = stablehlo.atan2 %a, %spread : tensor<256xf32>
  %false = stablehlo.constant dense<false> : tensor<i1>
  %true = stablehlo.constant dense<true> : tensor<i1>
  %2:2 = "stablehlo.while"(%true, %a) ({
  ^bb0(%more: tensor<i1>, %x: tensor<256xf32>):
    stablehlo.return %more : tensor<i1>
  }, {
  ^bb0(%more: tensor<i1>, %x: tensor<256xf32>):
    %y = stablehlo.atan2 %x, %one : tensor<256xf32>
    stablehlo.return %false, %y : tensor<i1>, tensor<256xf32>
  }) : (tensor<i1>, tensor<256xf32>) -> (tensor<i1>, tensor<256xf32>)
  return %0, %1, %2#1 : tensor<256xf32>, tensor<256xf32>, tensor<256xf32>
})";
  std::vector<float> x(kN);
  for (int i = 0; i < kN; ++i) x[i] = static_cast<float>(i - kN / 2) * 0.02f;
  Buffer a = client().upload(x, DType::kF32, kDims);
  const Buffer* arguments[] = {&a};
  Execution run = client().compile(kText).execute(arguments);
  for (const Buffer& result : run.results) {
    std::vector<float> y = result.to_vector<float>(soon());
    for (int i = 0; i < kN; ++i) EXPECT_NEAR(y[i], std::atan(x[i]), 1e-6) << i;
  }
}

TEST(Executable, RunsOnSeveralDevicesWithNativeCollectives) {
  Client four(client().plugin(), {.devices = 4});
  ASSERT_EQ(four.num_devices(), 4);
  constexpr auto kText = R"(
func.func @main(%a: tensor<256xf32>) -> tensor<256xf32> {
  %0 = "stablehlo.all_reduce"(%a) ({
  ^bb0(%x: tensor<f32>, %y: tensor<f32>):
    %s = stablehlo.add %x, %y : tensor<f32>
    stablehlo.return %s : tensor<f32>
  }) {replica_groups = dense<[[0, 1], [2, 3]]> : tensor<2x2xi64>} : (tensor<256xf32>) -> tensor<256xf32>
  return %0 : tensor<256xf32>
})";
  Executable sum = four.compile(kText, 4);
  ASSERT_EQ(sum.num_devices(), 4);
  std::vector<Buffer> inputs;
  std::vector<std::vector<const Buffer*>> arguments;
  for (int d = 0; d < 4; ++d) inputs.push_back(four.upload(filled(1 << d), DType::kF32, kDims, d));
  for (int d = 0; d < 4; ++d) arguments.push_back({&inputs[d]});
  auto runs = sum.execute_all(arguments);
  for (int d = 0; d < 4; ++d) EXPECT_EQ(runs[d].results[0].to_vector<float>(soon()), filled(d < 2 ? 3 : 12));
}

TEST(Event, DeadlinePassesWhileTheDeviceIsBusy) {
  constexpr auto kText = R"(
func.func @main(%a: tensor<512x512xf32>) -> tensor<512x512xf32> {
  %n = stablehlo.constant dense<60> : tensor<i32>
  %z = stablehlo.constant dense<0> : tensor<i32>
  %one = stablehlo.constant dense<1> : tensor<i32>
  %r:2 = stablehlo.while(%i = %z, %x = %a) : tensor<i32>, tensor<512x512xf32>
   cond { %c = stablehlo.compare LT, %i, %n : (tensor<i32>, tensor<i32>) -> tensor<i1>
          stablehlo.return %c : tensor<i1> }
   do { %y = stablehlo.dot %x, %a : (tensor<512x512xf32>, tensor<512x512xf32>) -> tensor<512x512xf32>
        %j = stablehlo.add %i, %one : tensor<i32>
        stablehlo.return %j, %y : tensor<i32>, tensor<512x512xf32> }
  return %r#1 : tensor<512x512xf32>
})";
  Executable slow = client().compile(kText);
  std::vector<int64_t> dims{512, 512};
  Buffer a = client().upload(std::vector<float>(512 * 512, 1e-3f), DType::kF32, dims);
  const Buffer* arguments[] = {&a};
  Execution run = slow.execute(arguments);
  EXPECT_THROW(run.done.await(Deadline::after(base::Seconds(1e-3)), "wait"), base::Error);
  run.done.await(soon(), "wait");
  EXPECT_TRUE(run.done.ready());
}

}  // namespace
}  // namespace cordata::runtime
