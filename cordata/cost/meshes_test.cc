// SPDX-License-Identifier: Apache-2.0
#include "cordata/cost/meshes.h"

#include <gtest/gtest.h>

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
  const auto c = two_hosts_of_four();
  EXPECT_DOUBLE_EQ(boundary_link(c, 4).bandwidth.value, 8e9);
  EXPECT_DOUBLE_EQ(boundary_link(c, 2).bandwidth.value, 100e9);
}

}  // namespace
}  // namespace cordata::cost
