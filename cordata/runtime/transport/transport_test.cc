// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <cmath>
#include <functional>
#include <thread>

#include "cordata/base/error.h"
#include "cordata/runtime/transport/conformance.h"
#include "cordata/runtime/transport/delay_transport.h"
#include "cordata/runtime/transport/reduce_kernels.h"
#include "cordata/runtime/transport/thread_transport.h"

namespace cordata::runtime {
namespace {

// Runs `body` on every rank, a thread each; gives what each threw.
std::vector<std::string> on_ranks(std::vector<std::unique_ptr<Transport>>& world,
                                  const std::function<void(Transport&)>& body) {
  std::vector<std::string> errors(world.size());
  std::vector<std::thread> threads;
  for (size_t r = 0; r < world.size(); ++r) {
    threads.emplace_back([&, r] {
      try {
        body(*world[r]);
      } catch (const base::Error& error) {
        errors[r] = error.what();
        world[r]->abort(error.what());
      }
    });
  }
  for (auto& thread : threads) thread.join();
  return errors;
}

class Worlds : public testing::TestWithParam<int> {};

TEST_P(Worlds, ThreadsConform) {
  auto world = make_thread_world(GetParam());
  for (const std::string& error : on_ranks(world, check_conformance)) EXPECT_EQ(error, "");
}

TEST_P(Worlds, DelayedMessagesConform) {
  auto world = make_thread_world(GetParam());
  for (auto& rank : world) rank = make_delay_transport(std::move(rank), base::Seconds(0.005));
  for (const std::string& error : on_ranks(world, check_conformance)) EXPECT_EQ(error, "");
}

INSTANTIATE_TEST_SUITE_P(Sizes, Worlds, testing::Values(1, 2, 4, 8));

TEST(ThreadTransport, RanksThatDisagreeFailTogether) {
  auto world = make_thread_world(2);
  auto errors = on_ranks(world, [](Transport& rank) {
    auto comm = rank.make_communicator({0, 1});
    float x[2] = {};
    comm->all_reduce(x, x, rank.rank() + 1, DType::kF32, Reduce::kAdd);
  });
  for (auto& error : errors) EXPECT_NE(error.find("ranks disagree"), std::string::npos) << error;
}

TEST(ThreadTransport, CollectivesHaveATimeLimit) {
  auto world = make_thread_world(2);
  world[0]->set_time_limit(base::Seconds(0.05));
  auto errors = on_ranks(world, [](Transport& rank) {
    auto comm = rank.make_communicator({0, 1});
    if (rank.rank() == 0) comm->barrier();
  });
  EXPECT_NE(errors[0].find("waited too long"), std::string::npos) << errors[0];
}

TEST(DelayTransport, HoldsMessagesBack) {
  auto world = make_thread_world(2);
  world[0] = make_delay_transport(std::move(world[0]), base::Seconds(0.05));
  int sent = 5, got = 0;
  auto start = Deadline::Clock::now();
  auto receive = world[1]->receive(&got, 4, 0, 1);
  auto send = world[0]->send(&sent, 4, 1, 1);
  EXPECT_FALSE(send->done());
  EXPECT_FALSE(receive->done());
  wait(*send, Deadline::after(base::Seconds(5)), "send");
  EXPECT_TRUE(receive->done());
  EXPECT_GE(Deadline::Clock::now() - start, std::chrono::milliseconds(50));
}

TEST(Kernels, HalvesRoundTripAndRoundToEven) {
  for (uint32_t bits = 0; bits < 0x10000; ++bits) {
    auto half = static_cast<uint16_t>(bits);
    float value = half_to_float(half);
    if (std::isnan(value)) {
      EXPECT_TRUE(std::isnan(half_to_float(float_to_half(value))));
    } else {
      ASSERT_EQ(float_to_half(value), half);
      ASSERT_EQ(float_to_bfloat(bfloat_to_float(half)), half);
    }
  }
  EXPECT_EQ(half_to_float(0x3c00), 1.f);
  EXPECT_EQ(half_to_float(0x0001), std::ldexp(1.f, -24));
  EXPECT_EQ(float_to_half(1 + std::ldexp(1.f, -11)), 0x3c00);  // halfway: to even
  EXPECT_EQ(float_to_half(1 + 3 * std::ldexp(1.f, -11)), 0x3c02);
  EXPECT_EQ(float_to_half(65520.f), 0x7c00);
  EXPECT_EQ(float_to_bfloat(1 + std::ldexp(1.f, -8)), 0x3f80);
}

TEST(Kernels, RefuseWhatDoesNotExist) {
  EXPECT_THROW(reduce_kernel(DType::kF32, Reduce::kAnd), base::Error);
  EXPECT_THROW(reduce_kernel(DType::kC64, Reduce::kMax), base::Error);
  EXPECT_THROW(parse_reduce("average"), base::Error);
}

}  // namespace
}  // namespace cordata::runtime
