// SPDX-License-Identifier: Apache-2.0
#include "cordata/runtime/pace.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <sstream>
#include <thread>

#include "cordata/base/error.h"
#include "cordata/runtime/transport/thread_transport.h"

namespace cordata::runtime {
namespace {

struct Turns {
  std::vector<nlohmann::json> answers;
  std::vector<int> steps, finished, alone;  // by rank
  std::vector<std::string> errors;          // by rank
};

// `ranks` threads, of which the last speaks; step k's loss is 10 - k.
Turns run(int ranks, const std::string& input) {
  Turns result{.steps = std::vector<int>(ranks),
               .finished = std::vector<int>(ranks),
               .alone = std::vector<int>(ranks),
               .errors = std::vector<std::string>(ranks)};
  auto world = make_thread_world(ranks);
  std::istringstream in(input);
  std::ostringstream out;
  std::vector<std::thread> threads;
  for (int r = 0; r < ranks; ++r) {
    threads.emplace_back([&, r] {
      const bool speaks = r == ranks - 1;
      auto step = [&, speaks, r]() -> std::optional<double> {
        ++result.steps[r];
        return speaks ? std::optional<double>(10 - result.steps[r]) : std::nullopt;
      };
      try {
        run_paced({*world[r], speaks, base::Seconds(1.5), step, [&, r] { ++result.finished[r]; },
                   [&, r](bool on) { result.alone[r] = 10 * result.alone[r] + (on ? 2 : 1); }},
                  in, out);
      } catch (const base::Error& e) {
        result.errors[r] = e.what();
      }
    });
  }
  for (auto& t : threads) t.join();
  std::istringstream lines(out.str());
  for (std::string line; std::getline(lines, line);) result.answers.push_back(nlohmann::json::parse(line));
  return result;
}

TEST(Pace, TakesTheStepsItIsToldTo) {
  for (int ranks : {1, 3}) {
    Turns r = run(ranks, "steps 2\nsteps 3\n");
    ASSERT_EQ(r.answers.size(), 3u);
    EXPECT_EQ(r.answers[0], (nlohmann::json{{"ready", true}, {"compile_s", 1.5}}));
    EXPECT_EQ(r.answers[1]["losses"], (nlohmann::json{9, 8}));
    EXPECT_EQ(r.answers[2]["losses"], (nlohmann::json{7, 6, 5}));
    EXPECT_EQ(r.answers[2]["steps"], 3);
    EXPECT_GE(r.answers[2]["seconds"], 0);
    EXPECT_THAT(r.steps, testing::Each(5));
    EXPECT_THAT(r.finished, testing::Each(2));
    EXPECT_THAT(r.errors, testing::Each(""));
  }
}

TEST(Pace, SaysWhichTurnsAreAlone) {
  Turns r = run(3, "steps 2\nalone 3\nsteps 1\n");
  ASSERT_EQ(r.answers.size(), 4u);
  EXPECT_EQ(r.answers[2]["losses"], (nlohmann::json{7, 6, 5}));
  EXPECT_THAT(r.alone, testing::Each(121));
}

TEST(Pace, EndsWithItsInput) { EXPECT_THAT(run(2, "").steps, testing::Each(0)); }

TEST(Pace, RefusesOtherLinesOnAllRanks) {
  for (const char* wrong :
       {"step 2", "steps", "steps 0", "steps -1", "steps 2 3", "steps 99999999999", "alone", "alone 0"}) {
    Turns r = run(2, wrong);
    EXPECT_THAT(r.errors, testing::Each(testing::HasSubstr("wanted 'steps N'"))) << wrong;
    EXPECT_THAT(r.steps, testing::Each(0));
  }
}

}  // namespace
}  // namespace cordata::runtime
