// SPDX-License-Identifier: Apache-2.0
#include "cordata/cluster/change.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "cordata/base/error.h"
#include "cordata/cluster/cluster.h"

namespace cordata::cluster {
namespace {

using nlohmann::json;
using testing::HasSubstr;

Cluster changed(std::initializer_list<std::pair<const char*, const char*>> changes) {
  json j = resolve("p3.16xlarge:2");
  for (const auto& [path, value] : changes) change_field(j, path, value);
  return j.get<Cluster>();
}

std::string refused(const char* path, const char* value) {
  try {
    changed({{path, value}});
  } catch (const base::Error& e) {
    EXPECT_EQ(e.kind(), base::ErrorKind::kUser);
    return e.what();
  }
  return "";
}

TEST(Change, SetsFieldsWithAndWithoutTheirUnits) {
  const Cluster before = resolve("p3.16xlarge:2");
  const Cluster c = changed({{"device.memory", "32GiB"},
                             {"inter.bandwidth_bytes_per_s", "100Gbps"},
                             {"device.peak.f16", "2x"},
                             {"intra.links[3].bandwidth", "1.5x"},
                             {"device.launch", "1e-6"},
                             {"hosts", "2x"},
                             {"intra.source", "a guess"}});
  EXPECT_EQ(c.device.memory.value, 32.0 * (1ll << 30));
  EXPECT_EQ(c.inter.bandwidth.value, 12.5e9);
  EXPECT_EQ(c.device.peak.at(ir::DType::kF16).value, 250e12);
  EXPECT_EQ(c.wires[3].bandwidth.value, 1.5 * before.wires[3].bandwidth.value);
  EXPECT_EQ(c.wires[2].bandwidth, before.wires[2].bandwidth);
  EXPECT_EQ(c.device.launch.value, 1e-6);
  EXPECT_EQ(c.hosts, 4);
  EXPECT_EQ(c.intra.source, "a guess");
}

TEST(Change, AddsWhatFilesMayDoWithout) {
  const Cluster c = changed({{"racks.hosts_per_rack", "1"},
                             {"racks.oversubscription", "4"},
                             {"price.per_device_hour", "3.06"},
                             {"price.currency", "USD"}});
  ASSERT_TRUE(c.racks && c.price);
  EXPECT_EQ(c.racks->oversubscription, 4);
  EXPECT_EQ(c.price->per_device_hour, 3.06);
  EXPECT_EQ(c.price->currency, "USD");
}

TEST(Change, RefusesWhatThereIsNot) {
  EXPECT_THAT(refused("inter.bandwith", "2x"), HasSubstr("Did you mean 'bandwidth'?"));
  EXPECT_THAT(refused("device.memory.size", "2x"), HasSubstr("device.memory.size"));
  EXPECT_THAT(refused("intra.links[99].count", "2"), HasSubstr("index from 0 to 15"));
  EXPECT_THAT(refused("device", "2x"), HasSubstr("one of its fields"));
  EXPECT_THAT(refused("device.kind", "2x"), HasSubstr("no number"));
  EXPECT_THAT(refused("inter.bandwidth", "fast"), HasSubstr("25Gbps"));
  EXPECT_THAT(refused("device.efficiency", "7"), HasSubstr("device.efficiency: wanted a share above 0"));
  EXPECT_THAT(refused("device.efficiency", "high"), HasSubstr("device.efficiency: wanted a share above 0"));
  EXPECT_THAT(refused("hosts", "1.5"), HasSubstr("hosts: wanted a whole number"));
  EXPECT_THAT(refused("racks.oversubscripton", "2"), HasSubstr("Did you mean 'oversubscription'?"));
}

}  // namespace
}  // namespace cordata::cluster
