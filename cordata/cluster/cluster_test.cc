// SPDX-License-Identifier: Apache-2.0
#include "cordata/cluster/cluster.h"

#include <gmock/gmock.h>

#include <cmath>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>

#include "cordata/base/error.h"

namespace cordata::cluster {
namespace {

using ::testing::HasSubstr;

std::string error_of(const std::function<void()>& f) {
  try {
    f();
  } catch (const base::Error& e) {
    EXPECT_EQ(e.kind(), base::ErrorKind::kUser) << e.what();
    return e.what();
  }
  return "no error";
}

TEST(Cluster, PresetsScaleByHosts) {
  const Cluster c = resolve("p3.16xlarge:8");
  EXPECT_EQ(c.num_devices(), 64);
  EXPECT_DOUBLE_EQ(c.device.peak.at(ir::DType::kF16).value, 125e12);
  EXPECT_DOUBLE_EQ(c.inter.bandwidth.value, 25e9 / 8);
  EXPECT_EQ(resolve("h100").num_devices(), 8);
  EXPECT_FALSE(c.device.source.empty());
}

TEST(Cluster, EveryPresetIsValidAndSurvivesJson) {
  for (const auto& name : presets()) {
    const Cluster c = resolve(name + ":2");
    validate(c);
    nlohmann::json j = c;
    const Cluster back = nlohmann::json::parse(j.dump()).get<Cluster>();
    EXPECT_EQ(nlohmann::json(back), j) << name;
  }
}

TEST(Cluster, LocalDividesTheMachine) {
  const Cluster one = resolve("local:1"), many = resolve("local:64");
  EXPECT_EQ(many.num_devices(), 64);
  EXPECT_NEAR(many.device.memory.value * 64, one.device.memory.value, 1);
  EXPECT_GT(one.device.peak.at(ir::DType::kF32).value, 1e8);
  // Whatever the number of ranks, together they do what the machine can (up to cores left over by the
  // division).
  const double whole = one.device.peak.at(ir::DType::kF32).value;
  EXPECT_LE(many.device.peak.at(ir::DType::kF32).value * 64 / many.cores_shared_by, whole * 1.0001);
}

TEST(Cluster, OldFilesMeanWhatTheyMeant) {
  const nlohmann::json link = {{"alpha_s", 2e-6}, {"bandwidth_bytes_per_s", 2e10}};
  const Cluster c = nlohmann::json{
      {"format", "cordata.cluster/1"},
      {"hosts", 2},
      {"devices_per_host", 2},
      {"intra", link},
      {"device",
       {{"kind", "any"},
        {"peak_flops_per_s", {{"f32", 1e12}}},
        {"memory_bytes", 1e9},
        {"memory_bandwidth_bytes_per_s",
         2e11}}}}.get<Cluster>();
  EXPECT_EQ(c.topology, Topology::kUniform);
  EXPECT_EQ(c.nics, 1);
  EXPECT_FALSE(c.racks);
  EXPECT_EQ(c.inter.bandwidth, c.intra.bandwidth);
  EXPECT_DOUBLE_EQ(c.device.efficiency, 1);
}

TEST(Cluster, KindsOfDevicesInARun) {
  Cluster c = resolve("p4d:4");
  EXPECT_EQ(c.kinds_in(5, 20), std::vector<int>{0});
  Device slow = c.device, same = c.device;
  slow.speed = 0.5, slow.memory = base::Bytes(1e9);
  same.kind = "the same by another name";
  c.groups = {{8, 8, slow}, {16, 4, same}, {28, 4, slow}};
  EXPECT_EQ(c.kinds_in(0, 8), std::vector<int>{0});
  EXPECT_EQ(c.kinds_in(7, 1), std::vector<int>{0});
  EXPECT_EQ(c.kinds_in(8, 8), std::vector<int>{8});
  EXPECT_EQ(c.kinds_in(16, 8), std::vector<int>{0});
  EXPECT_EQ(c.kinds_in(28, 2), std::vector<int>{8});
  EXPECT_EQ(c.kinds_in(24, 8), (std::vector<int>{0, 8}));
  EXPECT_EQ(c.kinds_in(0, 32), (std::vector<int>{0, 8}));
  EXPECT_EQ(c.device_at(15).speed, 0.5);
  EXPECT_EQ(c.device_at(27).speed, 1);
  EXPECT_EQ(c.least_memory(16, 12).value, c.device.memory.value);
  EXPECT_EQ(c.least_memory(24, 8).value, 1e9);
  c.groups = {{0, 8, slow}};  // no device of the cluster's own kind before it
  EXPECT_EQ(c.kinds_in(0, 32), (std::vector<int>{0, 8}));
  EXPECT_EQ(c.kinds_in(8, 2), std::vector<int>{8});
  EXPECT_EQ(c.kinds_in(0, 2), std::vector<int>{0});
}

TEST(Cluster, ErrorsNameTheKey) {
  const nlohmann::json good = resolve("p3.16xlarge:2");
  struct Case {
    const char* pointer;
    nlohmann::json value;
    const char* says;
  };
  for (const auto& c :
       std::vector<Case>{{"/format", "cordata.cluster/9", "format"},
                         {"/hosts", 0, "hosts"},
                         {"/hosts", 1.5, "hosts"},
                         {"/devices_per_host", "8", "devices_per_host"},
                         {"/device/memory_bytes", -1, "device.memory_bytes"},
                         {"/device/efficiency", 1.5, "device.efficiency"},
                         {"/device/peak_flops_per_s", {{"f33", 1}}, "f33"},
                         {"/device/peak_flops_per_s", nlohmann::json::object(), "device.peak_flops_per_s"},
                         {"/intra/bandwidth_bytes_per_s", 0, "intra.bandwidth_bytes_per_s"},
                         {"/inter/alpha_s", "x", "inter.alpha_s"},
                         {"/intra/links/3/devices", {0, 8}, "intra.links[3].devices"},
                         {"/intra/topology", "star", "intra.topology"},
                         {"/inter/nics", 0, "inter.nics"},
                         {"/device/memory_bytes", std::nan(""), "device.memory_bytes"},
                         {"/colour", "red", "colour"}}) {
    nlohmann::json bad = good;
    bad[nlohmann::json::json_pointer(c.pointer)] = c.value;
    EXPECT_THAT(error_of([&] { (void)bad.get<Cluster>(); }), HasSubstr(c.says)) << c.pointer;
  }
  nlohmann::json missing = good;
  missing["device"].erase("memory_bytes");
  EXPECT_THAT(error_of([&] { (void)missing.get<Cluster>(); }), HasSubstr("device.memory_bytes"));
}

TEST(Cluster, UnknownNamesListThePresets) {
  EXPECT_THAT(error_of([] { (void)resolve("p4x:2"); }), HasSubstr("p3.16xlarge:HOSTS"));
  EXPECT_THAT(error_of([] { (void)resolve("local:none"); }), HasSubstr("none"));
  EXPECT_THAT(error_of([] { (void)resolve("h100:0"); }), HasSubstr("0"));
}

TEST(Cluster, ReadsFiles) {
  const auto path =
      std::filesystem::temp_directory_path() / ("cordata-cluster-" + std::to_string(getpid()) + ".json");
  std::ofstream(path) << nlohmann::json(resolve("h100:3"));
  EXPECT_EQ(resolve(path.string()).num_devices(), 24);
  std::ofstream(path) << "{";
  EXPECT_THAT(error_of([&] { (void)resolve(path.string()); }), HasSubstr("not JSON"));
  std::filesystem::remove(path);
}

}  // namespace
}  // namespace cordata::cluster
