// SPDX-License-Identifier: Apache-2.0
#include "cordata/report/html.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace cordata::report {
namespace {

using testing::HasSubstr;
using testing::Not;

Explanation example(int ranks) {
  Explanation e;
  e.plan.model = "<b>&\"model\"";
  for (int r = 0; r < ranks; ++r) {
    plan::Stage stage;
    stage.ranks = {r};
    stage.num_layers = 1;
    e.plan.stages.push_back(stage);
    e.stages.emplace_back();
    e.timeline.push_back({{base::Lane::kCompute, "F0", 0.0, 1.0},
                          {base::Lane::kSend, "act <0>", 1.0, 1.5},
                          {base::Lane::kCompute, "B0", 1.5, 4.0}});
  }
  return e;
}

TEST(Html, NothingOfAModelsNameIsMarkup) {
  const std::string page = to_html(example(2));
  EXPECT_THAT(page, HasSubstr("&lt;b&gt;&amp;&quot;model&quot;"));
  EXPECT_THAT(page, Not(HasSubstr("<b>&")));
  EXPECT_THAT(page, HasSubstr("act &lt;0&gt;"));
}

TEST(Html, TheTimelineIsToScaleAndEndsAtItsEdge) {
  const std::string svg = timeline_svg(example(1));
  // 4 s over 1030 units from 70 on: F0 takes a quarter, B0 the last 62.5 %.
  EXPECT_THAT(svg, HasSubstr("class=\"f\" x=\"70.00\" y=\"4.0\" width=\"257.50\""));
  EXPECT_THAT(svg, HasSubstr("class=\"b\" x=\"456.25\" y=\"4.0\" width=\"643.75\""));
}

TEST(Html, ManyRanksAreShownByTheirStages) {
  Explanation e = example(1);
  for (int r = 1; r < 64; ++r) {
    e.plan.stages[0].ranks.push_back(r);
    e.timeline.push_back(e.timeline[0]);
  }
  const std::string svg = timeline_svg(e);
  EXPECT_THAT(svg, HasSubstr("rank 0<"));
  EXPECT_THAT(svg, Not(HasSubstr("rank 1<")));
  EXPECT_THAT(svg, HasSubstr("The first rank of each stage, of 64 ranks."));
}

TEST(Picture, ShowsEachStageAndStandsAlone) {
  const std::string svg = to_svg(example(2));
  EXPECT_THAT(svg, testing::StartsWith("<svg xmlns="));
  EXPECT_THAT(svg, HasSubstr("stage 1: ranks 1"));
  EXPECT_THAT(svg, HasSubstr("class=\"b\" x=\"456.25\""));
  EXPECT_THAT(svg, HasSubstr("&lt;b&gt;&amp;"));
  EXPECT_THAT(svg, Not(HasSubstr("<b>")));
}

TEST(Html, NoTimelineNoChart) { EXPECT_EQ(timeline_svg(Explanation{}), ""); }

}  // namespace
}  // namespace cordata::report
