// SPDX-License-Identifier: Apache-2.0
#include "cordata/plan/plan.h"

#include <gmock/gmock.h>

#include <filesystem>
#include <nlohmann/json.hpp>

#include "cordata/base/error.h"

namespace cordata::plan {
namespace {

using nlohmann::json;
using ::testing::HasSubstr;

Plan example() {
  Plan p;
  p.model = "mlp";
  p.model_hash = 0xfedcba9876543210ull;
  p.cluster = cluster::resolve("p3.16xlarge:1");
  p.planner = "auto";
  p.microbatches = 4;
  p.layers = {0, 0, -1, 1};
  p.remat = {step::Remat::kSelective, step::Remat::kLayer};
  p.num_layers = 2;
  for (int i = 0; i < 2; ++i) {
    Stage s;
    s.ranks = {4 * i, 4 * i + 1, 4 * i + 2, 4 * i + 3};
    s.mesh.shape = {2, 2};
    s.mesh.links = {{base::Seconds(1e-5), base::BytesPerSecond(1.0 / 3)},
                    {base::Seconds(0.1), base::BytesPerSecond(2e9)}};
    s.first_layer = i;
    s.num_layers = 1;
    s.sharding.ops = {{{0, -1}}, {{sharding::linear(1), 3}}};
    s.sharding.args = {{{1, -1}}};
    s.sharding.results = {{{sharding::partial(ir::ReduceKind::kAdd), -1}}};
    s.sharding.hubs = {{7, {step::Phase::kApply, 1}, {{-1, 0}}}};
    s.predicted = {
        base::Seconds(0.1 / 3), base::Seconds(2), base::Seconds(3), base::Bytes(12345), 0.25, "measured"};
    p.stages.push_back(s);
  }
  p.stages[0].sharding.ops[0].use = {0, -1, -1, -1};
  p.step = base::Seconds(1.0 / 7);
  p.peak_memory = base::Bytes(1e9);
  p.bill = {{"all-reduce", 1, 3, 4096, 12}, {"send", 0, 0, 8, 1}};
  p.notes = {"a note"};
  return p;
}

// Aggregates above leave the axes past the mesh 0; make them what they are in a plan.
Plan tidy(Plan p) {
  for (auto& s : p.stages) {
    const auto pad = [](auto& at) { at[2] = at[3] = -1; };
    for (auto& o : s.sharding.ops) pad(o.use);
    for (auto& a : s.sharding.args) pad(a.at);
    for (auto& r : s.sharding.results) pad(r.at);
    for (auto& h : s.sharding.hubs) pad(h.sharding.at);
  }
  return p;
}

TEST(Plan, SurvivesJsonExactly) {
  const Plan p = tidy(example());
  const json j = to_json(p);
  const Plan back = from_json(json::parse(j.dump()), "test");
  EXPECT_EQ(to_json(back), j);
  EXPECT_EQ(back.model_hash, p.model_hash);
  EXPECT_EQ(back.step.value, p.step.value);
  EXPECT_EQ(back.stages[1].sharding.ops, p.stages[1].sharding.ops);
  EXPECT_EQ(back.stages[1].sharding.results, p.stages[1].sharding.results);
  EXPECT_EQ(back.stages[0].mesh, p.stages[0].mesh);
  EXPECT_EQ(back.stage_of_layer(), (std::vector<int>{0, 1}));
  EXPECT_EQ(back.bill[0].axes, 3u);
  EXPECT_EQ(back.remat, p.remat);
}

TEST(Plan, WithoutRecomputationHasNoWordOfIt) {
  Plan p = example();
  p.remat.clear();
  EXPECT_FALSE(to_json(p).contains("remat"));
  EXPECT_TRUE(from_json(to_json(p), "test").remat.empty());
}

TEST(Plan, HasTheKeysOfTheContract) {
  const json j = to_json(example());
  for (const char* key : {"format", "model_hash", "cluster", "planner", "microbatches", "schedule", "step_s",
                          "peak_memory_bytes", "gap", "stages", "bill"})
    EXPECT_TRUE(j.contains(key)) << key;
  for (const char* key : {"ranks", "mesh", "layers", "ops"}) EXPECT_TRUE(j["stages"][0].contains(key)) << key;
  for (const char* key : {"kind", "axes", "bytes", "count"}) EXPECT_TRUE(j["bill"][0].contains(key)) << key;
}

TEST(Plan, ErrorsNameTheKey) {
  const json good = to_json(example());
  const std::vector<std::tuple<const char*, json, const char*>> cases = {
      {"/format", "cordata.plan/2", "format"},
      {"/model_hash", "12", "model_hash"},
      {"/microbatches", 0, "microbatches"},
      {"/cluster/hosts", -1, "hosts"},
      {"/stages/1/ranks", {4, 5, 6}, "stages[1].ranks"},
      {"/stages/0/layers", {0, 2}, "stages[0].layers"},
      {"/stages/0/ops/1", {0}, "stages[0].ops[1]"},
      {"/stages/0/mesh/shape", {2, 2, 1, 1, 1}, "stages[0].mesh.shape"},
      {"/stages/0/hubs/0/phase", 9, "stages[0].hubs[0].phase"},
      {"/bill/0/axes/0", 7, "bill[0].axes[0]"},
      {"/step_s", "fast", "step_s"},
      {"/remat/1", "half", "remat[1]"},
      {"/remat", {"layer"}, "remat"},
  };
  for (const auto& [pointer, value, says] : cases) {
    json bad = good;
    bad[json::json_pointer(pointer)] = value;
    try {
      (void)from_json(bad, "bad.json");
      ADD_FAILURE() << pointer;
    } catch (const base::Error& e) {
      EXPECT_EQ(e.kind(), base::ErrorKind::kUser);
      EXPECT_THAT(e.what(), HasSubstr(says));
      EXPECT_THAT(e.what(), HasSubstr("bad.json"));
    }
  }
  for (const auto& [key, unused] : good.items()) {
    json bad = good;
    bad.erase(key);
    if (key == "remat" || key == "objective") continue;  // may be left out
    EXPECT_THROW((void)from_json(bad, "bad.json"), base::Error) << key;
  }
}

TEST(Plan, FilesAreWrittenWholeOrNotAtAll) {
  const auto path =
      (std::filesystem::temp_directory_path() / ("cordata-plan-" + std::to_string(getpid()) + ".json"))
          .string();
  write_plan(example(), path);
  EXPECT_EQ(to_json(read_plan(path)), to_json(example()));
  std::filesystem::remove(path);
  EXPECT_THROW(write_plan(example(), "/nowhere/plan.json"), base::Error);
  EXPECT_THROW((void)read_plan("/nowhere/plan.json"), base::Error);
}

}  // namespace
}  // namespace cordata::plan
