// SPDX-License-Identifier: Apache-2.0
#include "cordata/cost/meshes.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "cordata/base/error.h"

namespace cordata::cost {
namespace {

using Shape = std::vector<int64_t>;

cluster::Cluster two_hosts_of_four() {
  cluster::Cluster c;
  c.hosts = 2;
  c.devices_per_host = 4;
  c.intra = {base::Seconds(1e-6), base::BytesPerSecond(100e9), ""};
  c.inter = {base::Seconds(1e-5), base::BytesPerSecond(8e9), ""};
  return c;
}

TEST(Meshes, ViewsAreAllFactorisationsInTwo) {
  EXPECT_EQ(logical_views(1), (std::vector<Shape>{{}}));
  EXPECT_EQ(logical_views(3), (std::vector<Shape>{{3}}));
  EXPECT_EQ(logical_views(8), (std::vector<Shape>{{8}, {4, 2}, {2, 4}}));
}

TEST(Meshes, AxesKnowWhetherTheyLeaveAHost) {
  const auto c = two_hosts_of_four();
  const auto mesh = make_mesh(c, 0, {2, 4});  // hosts x devices: four rings share each NIC
  EXPECT_DOUBLE_EQ(mesh.links[0].bandwidth.value, 2e9);
  EXPECT_DOUBLE_EQ(mesh.links[0].alpha.value, 1e-5);
  EXPECT_DOUBLE_EQ(mesh.links[1].bandwidth.value, 100e9);
  const auto flat = make_mesh(c, 0, {8});  // one ring, once out of each host
  EXPECT_DOUBLE_EQ(flat.links[0].bandwidth.value, 8e9);
  const auto tall = make_mesh(c, 0, {4, 2});  // axis 0 leaves hosts: two rings; axis 1 stays
  EXPECT_DOUBLE_EQ(tall.links[0].bandwidth.value, 4e9);
  EXPECT_DOUBLE_EQ(tall.links[1].bandwidth.value, 100e9);
  EXPECT_DOUBLE_EQ(make_mesh(c, 4, {2, 2}).links[0].bandwidth.value, 100e9);  // within the second host
  EXPECT_DOUBLE_EQ(make_mesh(c, 2, {4}).links[0].bandwidth.value, 8e9);       // across the boundary
  EXPECT_THROW(make_mesh(c, 6, {4}), base::Error);
}

TEST(Meshes, BoundariesBetweenStages) {
  auto c = two_hosts_of_four();
  EXPECT_DOUBLE_EQ(boundary_link(c, 4).bandwidth.value, 8e9);
  EXPECT_DOUBLE_EQ(boundary_link(c, 4, 4).bandwidth.value, 2e9);  // four share what comes into the host
  EXPECT_DOUBLE_EQ(boundary_link(c, 2, 2).bandwidth.value, 100e9);
  c.nics = 2;
  EXPECT_DOUBLE_EQ(boundary_link(c, 4).bandwidth.value, 4e9);  // one message, one NIC
  EXPECT_DOUBLE_EQ(boundary_link(c, 4, 4).bandwidth.value, 2e9);
}

TEST(Meshes, RacksDivideWhatLeavesThem) {
  auto c = two_hosts_of_four();
  c.hosts = 4;
  c.racks = cluster::Racks{2, 4, base::Seconds(1e-4), ""};  // 2 x 8 / 4 = 4 GB/s out of a rack
  EXPECT_DOUBLE_EQ(make_mesh(c, 0, {2, 4}).links[0].bandwidth.value, 2e9);  // within a rack
  const auto mesh = make_mesh(c, 0, {4, 4});
  EXPECT_DOUBLE_EQ(mesh.links[0].bandwidth.value, 1e9);  // four rings leave each rack
  EXPECT_DOUBLE_EQ(mesh.links[0].alpha.value, 1e-4);
  EXPECT_DOUBLE_EQ(mesh.links[1].bandwidth.value, 100e9);
  EXPECT_DOUBLE_EQ(make_mesh(c, 0, {16}).links[0].bandwidth.value, 4e9);
  EXPECT_DOUBLE_EQ(boundary_link(c, 8, 4).bandwidth.value, 1e9);
  EXPECT_DOUBLE_EQ(boundary_link(c, 8, 1).alpha.value, 1e-4);
  EXPECT_DOUBLE_EQ(boundary_link(c, 4, 1).alpha.value, 1e-5);
}

// The host of p3.16xlarge: where a submesh lies decides what its rings have.
TEST(Meshes, LinksOfAHostDecide) {
  const auto c = cluster::resolve("p3.16xlarge:2");
  EXPECT_DOUBLE_EQ(make_mesh(c, 0, {8}).links[0].bandwidth.value, 120e9);
  EXPECT_DOUBLE_EQ(make_mesh(c, 0, {4}).links[0].bandwidth.value, 80e9);
  EXPECT_DOUBLE_EQ(make_mesh(c, 0, {2}).links[0].bandwidth.value, 20e9);
  EXPECT_DOUBLE_EQ(make_mesh(c, 2, {2}).links[0].bandwidth.value, 40e9);
  const auto two = make_mesh(c, 8, {2, 4});
  EXPECT_DOUBLE_EQ(two.links[0].bandwidth.value,
                   20e9);  // 0-4, 1-5: two links; 2-6, 3-7: one, and the slowest
  EXPECT_DOUBLE_EQ(two.links[1].bandwidth.value, 80e9);
  EXPECT_DOUBLE_EQ(make_mesh(c, 0, {2, 8}).links[0].bandwidth.value, 3.125e9 / 8);
}

TEST(Meshes, TheFastestIsNowhereSlower) {
  const auto c = cluster::resolve("p3.16xlarge:2");
  for (const int devices : {2, 3, 4, 8})
    for (const auto& shape : logical_views(devices)) {
      const auto fastest = fastest_mesh(c, shape);
      double most = 0;
      for (int first = 0; first + devices <= 8; ++first)
        for (size_t a = 0; a < shape.size(); ++a) {
          const auto here = make_mesh(c, first, shape).links[a].bandwidth;
          EXPECT_LE(here, fastest.links[a].bandwidth);
          most = std::max(most, here.value / fastest.links[a].bandwidth.value);
        }
      EXPECT_DOUBLE_EQ(most, 1);
    }
}

}  // namespace
}  // namespace cordata::cost
