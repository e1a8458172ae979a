// SPDX-License-Identifier: Apache-2.0
#include "cordata/report/validation.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

namespace cordata::report {
namespace {

ValidatedPlan plan(std::string model, std::string planner, Compared step, std::vector<Compared> memory) {
  ValidatedPlan p;
  p.model = std::move(model), p.planner = std::move(planner), p.remat = "none", p.schedule = "1f1b",
  p.step = step;
  for (const Compared& m : memory) p.ranks.push_back({0, m, 1.1 * m.measured});
  return p;
}

// Measured 1, 1.04, 2 and, of another model, 3 s.
std::vector<ValidatedPlan> four() {
  return {plan("gpt", "data", {1.2, 1.1, 1.0}, {{90, 100, 100}, {50, 40, 50}}),
          plan("gpt", "tensor", {1.0, 0.9, 1.04}, {{110, 104, 100}}),
          plan("gpt", "auto", {1.1, 1.0, 2.0}, {{100, 98, 100}}),
          plan("mlp", "data", {0.5, 2.7, 3.0}, {{100, 90, 100}})};
}

TEST(Validation, MemoryIsOfTheFullestRank) {
  const auto all = four();
  const Compared m = all[0].memory();
  EXPECT_EQ(m.planned, 90);
  EXPECT_EQ(m.simulated, 100);
  EXPECT_EQ(m.measured, 100);
}

TEST(Validation, MediansOrdersAndAutosPlace) {
  const Deviation d = deviation(four(), Source::kSimulated);
  EXPECT_NEAR(d.step, 0.1346, 1e-3);  // of 0.1, 0.135, 0.5 and 0.1 the larger middle one
  EXPECT_NEAR(d.memory, 0.04, 1e-9);  // of 0, 0.04, 0.02 and 0.1
  EXPECT_NEAR(d.ordered, 0.5, 1e-9);  // auto is slower than both: right of tensor, wrong of data
  EXPECT_NEAR(d.auto_behind, 1, 1e-9);
  EXPECT_NEAR(deviation(four(), Source::kPlanned).ordered, 0.5, 1e-9);
  EXPECT_EQ(distinct_steps(four()), 3);
  EXPECT_NEAR(resident_deviation(four()), 1 - 1 / 1.1, 1e-9);
}

TEST(Validation, WhatIsShown) {
  const auto text = validation_text(four());
  for (const char* words :
       {"data", "tensor", "+10.0 %", "-50.0 %", "50 % of the pairs", "auto: 100.0 % slower"})
    EXPECT_THAT(text, testing::HasSubstr(words));
  const auto j = validation_json(four());
  EXPECT_EQ(j.at("plans").size(), 4);
  EXPECT_EQ(j.at("plans")[0].at("measured_step_s"), 1.0);
  EXPECT_EQ(j.at("plans")[0].at("ranks").size(), 2);
  const auto svg = validation_svg(four(), "a <title>");
  EXPECT_THAT(svg, testing::HasSubstr("a &lt;title&gt;"));
  int points = 0;
  for (size_t at = svg.find("<title>"); at != std::string::npos; at = svg.find("<title>", at + 1)) ++points;
  EXPECT_EQ(points, 4 + 5);  // a plan's step each, a rank's memory each
}

}  // namespace
}  // namespace cordata::report
