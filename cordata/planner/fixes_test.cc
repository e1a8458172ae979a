// SPDX-License-Identifier: Apache-2.0
#include "cordata/planner/fixes.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "cordata/base/error.h"

namespace cordata::planner {
namespace {

using ::testing::ElementsAre;

TEST(Fixes, WordsSayStagesInAnyOrder) {
  const auto fixes = parse_fixes({"stage=4-7,devices=2-3", "sharding=batch", "stage=0-3", "mesh=1x2"});
  ASSERT_EQ(fixes.size(), 2u);
  EXPECT_EQ(fixes[0].first_layer, 0);
  EXPECT_EQ(fixes[0].last_layer, 4);
  EXPECT_EQ(fixes[0].devices, 0);
  EXPECT_THAT(fixes[0].mesh, ElementsAre(2));  // axes of one device are no axes
  EXPECT_EQ(fixes[1].first_device, 2);
  EXPECT_EQ(fixes[1].devices, 2);
  EXPECT_THAT(fixes[1].sharding, ElementsAre("batch"));
}

TEST(Fixes, LeaveOnlyTheirOwnStagesAndThoseBesideThem) {
  const auto fixes = parse_fixes({"stage=2-3", "devices=1-2", "mesh=2"});
  EXPECT_TRUE(allowed(fixes, {2, 4, 1, 2, 1}));
  EXPECT_FALSE(allowed(fixes, {2, 4, 0, 2, 1}));  // elsewhere
  EXPECT_FALSE(allowed(fixes, {2, 4, 1, 1, 1}));  // on fewer
  EXPECT_FALSE(allowed(fixes, {1, 4, 1, 2, 1}));  // with another layer
  EXPECT_FALSE(allowed(fixes, {2, 3, 1, 2, 1}));  // with one less
  EXPECT_TRUE(allowed(fixes, {0, 2, 0, 1, 1}));
  EXPECT_TRUE(allowed(fixes, {4, 6, 3, 1, 1}));
  EXPECT_EQ(fix_of(fixes, 1), nullptr);
  EXPECT_EQ(fix_of(fixes, 3), &fixes[0]);
}

TEST(Fixes, OneWordIsForAllAxesElseOneForEach) {
  const auto all = parse_fixes({"stage=0", "sharding=tensor"});
  EXPECT_THAT(*all[0].on_view({2, 4}), ElementsAre("tensor", "tensor"));
  EXPECT_TRUE(all[0].on_view({})->empty());
  const auto each = parse_fixes({"stage=0", "sharding=data/tensor"});
  EXPECT_THAT(*each[0].on_view({2, 4}), ElementsAre("data", "tensor"));
  EXPECT_FALSE(each[0].on_view({8}));
  const auto shape = parse_fixes({"stage=0", "mesh=4x2"});
  EXPECT_FALSE(shape[0].on_view({2, 4}));
  EXPECT_THAT(*shape[0].on_view({4, 2}), ElementsAre("free", "free"));
}

TEST(Fixes, MistakesSayWhatWasWanted) {
  const auto refused = [](std::vector<std::string> words, const char* part) {
    try {
      check_fixes(parse_fixes(words), 4, 8);
      ADD_FAILURE() << part;
    } catch (const base::Error& e) {
      EXPECT_EQ(e.kind(), base::ErrorKind::kUser);
      EXPECT_THAT(e.what(), ::testing::HasSubstr(part));
    }
  };
  refused({"devices=0-1"}, "wanted stage=FIRST-LAST");
  refused({"stage=3-1"}, "0-3");
  refused({"stage=a"}, "0-3");
  refused({"stage=0", "mesh=2*2"}, "2x4");
  refused({"stage=0", "sharding=batch/tenser"}, "'tenser'");
  refused({"stage=0", "layers=2"}, "'layers'");
  refused({"stage"}, "KEY=VALUE");
  refused({"stage=2-4"}, "4 layers");
  refused({"stage=0-2", "stage=2-3"}, "layer 2");
  refused({"stage=0", "devices=7-8"}, "8 devices");
  refused({"stage=0", "devices=0-3", "mesh=2"}, "mesh has 2");
}

}  // namespace
}  // namespace cordata::planner
