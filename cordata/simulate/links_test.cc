// SPDX-License-Identifier: Apache-2.0
#include "cordata/simulate/links.h"

#include <gtest/gtest.h>

namespace cordata::simulate {
namespace {

// Four hosts of four, 8 bytes a second out of each through 2 NICs, 1 s late; racks of two hosts with 4 bytes
// a second out of each.
cluster::Cluster hosts_in_racks() {
  cluster::Cluster c;
  c.hosts = 4;
  c.devices_per_host = 4;
  c.intra = {base::Seconds(0.5), base::BytesPerSecond(16), ""};
  c.inter = {base::Seconds(1), base::BytesPerSecond(8), ""};
  c.nics = 2;
  c.racks = cluster::Racks{2, 4, base::Seconds(3), ""};
  return c;
}

TEST(Links, AMessageTakesOneNicAndTheThirdWaits) {
  const auto c = hosts_in_racks();
  Links links(c, false);
  EXPECT_DOUBLE_EQ(links.arrival(0, 4, 8, 0), 3);  // 4 bytes a second, 1 s late
  EXPECT_DOUBLE_EQ(links.arrival(1, 5, 8, 0), 3);  // on the other NIC
  EXPECT_DOUBLE_EQ(links.arrival(2, 6, 8, 0), 5);
  EXPECT_DOUBLE_EQ(links.arrival(4, 0, 8, 0), 3);  // the other way is free
}

TEST(Links, HostsShareTheirRack) {
  const auto c = hosts_in_racks();
  Links links(c, false);
  EXPECT_DOUBLE_EQ(links.arrival(0, 8, 8, 0), 5);   // rack's 4 bytes a second, 3 s late
  EXPECT_DOUBLE_EQ(links.arrival(4, 12, 8, 0), 7);  // from the other host, after the first
  EXPECT_DOUBLE_EQ(links.arrival(1, 5, 8, 0), 3);   // within the rack: no wait
}

TEST(Links, WiresOfAHostHaveTheirOwnBandwidth) {
  cluster::Cluster c = hosts_in_racks();
  c.topology = cluster::Topology::kLinks;
  c.wires = {{0, 1, 2, base::BytesPerSecond(16)}};
  Links links(c, false);
  EXPECT_DOUBLE_EQ(links.arrival(0, 1, 32, 0), 1.5);
  EXPECT_DOUBLE_EQ(links.arrival(6, 7, 32, 0), 2.5);  // none between those
  EXPECT_DOUBLE_EQ(Links(c, true).arrival(0, 1, 32, 7), 7);
}

}  // namespace
}  // namespace cordata::simulate
