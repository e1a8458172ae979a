// SPDX-License-Identifier: Apache-2.0
#include "cordata/cost/meshes.h"

#include <algorithm>
#include <map>
#include <set>

#include "cordata/base/error.h"

namespace cordata::cost {

std::vector<std::vector<int64_t>> logical_views(int devices) {
  if (devices <= 1) return {{}};
  std::vector<std::vector<int64_t>> out{{devices}};
  for (int n = devices / 2; n >= 2; --n)
    if (devices % n == 0) out.push_back({n, devices / n});
  return out;
}

namespace {

// By host: how many groups along the axis pass through it and leave it.
int groups_sharing_a_host(const cluster::Cluster& c, int first, const std::vector<int64_t>& shape, int axis) {
  int64_t size = 1, stride = 1;
  for (const int64_t n : shape) size *= n;
  for (size_t a = axis + 1; a < shape.size(); ++a) stride *= shape[a];
  std::map<int64_t, std::set<int64_t>> hosts_of_group;
  for (int64_t i = 0; i < size; ++i) {
    const int64_t group = i - (i / stride % shape[axis]) * stride;
    hosts_of_group[group].insert((first + i) / c.devices_per_host);
  }
  std::map<int64_t, int> crossing;
  int most = 0;
  for (const auto& [group, hosts] : hosts_of_group) {
    if (hosts.size() < 2) continue;
    for (const int64_t h : hosts) most = std::max(most, ++crossing[h]);
  }
  return most;
}

}  // namespace

sharding::Mesh make_mesh(const cluster::Cluster& c, int first, std::vector<int64_t> shape) {
  int64_t size = 1;
  for (const int64_t n : shape) size *= n;
  if (first < 0 || first + size > c.num_devices())
    throw base::internal_error("[cost] wanted {} devices from {} on, got a cluster of {}", size, first,
                               c.num_devices());
  sharding::Mesh mesh;
  for (int axis = 0; axis < static_cast<int>(shape.size()); ++axis) {
    const int sharing = groups_sharing_a_host(c, first, shape, axis);
    sharding::AxisLink link{c.intra.alpha, c.intra.bandwidth};
    if (sharing > 0) {
      link.alpha = std::max(c.intra.alpha, c.inter.alpha);
      link.bandwidth = std::min(c.intra.bandwidth, c.inter.bandwidth / sharing);
      if (c.devices_per_host == 1) link.bandwidth = c.inter.bandwidth;
    }
    mesh.links.push_back(link);
  }
  mesh.shape = std::move(shape);
  return mesh;
}

const cluster::Link& boundary_link(const cluster::Cluster& c, int boundary) {
  return boundary % c.devices_per_host == 0 ? c.inter : c.intra;
}

}  // namespace cordata::cost
