// SPDX-License-Identifier: Apache-2.0
#include "cordata/cost/meshes.h"

#include <algorithm>
#include <limits>

#include "cordata/base/error.h"
#include "cordata/cluster/topology.h"

namespace cordata::cost {

std::vector<std::vector<int64_t>> logical_views(int devices) {
  if (devices <= 1) return {{}};
  std::vector<std::vector<int64_t>> out{{devices}};
  for (int n = devices / 2; n >= 2; --n)
    if (devices % n == 0) out.push_back({n, devices / n});
  return out;
}

namespace {

// Of the cluster's devices, those that talk to each other along one axis.
cluster::Groups groups_along(int first, const std::vector<int64_t>& shape, int axis) {
  int64_t size = 1, stride = 1;
  for (const int64_t n : shape) size *= n;
  for (size_t a = axis + 1; a < shape.size(); ++a) stride *= shape[a];
  cluster::Groups groups;
  for (int64_t i = 0; i < size; ++i) {
    if (i / stride % shape[axis] != 0) continue;
    auto& group = groups.emplace_back();
    for (int64_t k = 0; k < shape[axis]; ++k) group.push_back(static_cast<int>(first + i + k * stride));
  }
  return groups;
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
    const cluster::Link link = cluster::ring_link(c, groups_along(first, shape, axis));
    mesh.links.push_back({link.alpha, link.bandwidth});
  }
  mesh.shape = std::move(shape);
  mesh.memory = copy_rate(c, first, static_cast<int>(size));
  mesh.sums = sum_rate(c, first, static_cast<int>(size));
  return mesh;
}

base::BytesPerSecond copy_rate(const cluster::Cluster& c, int first, int devices) {
  double slowest = std::numeric_limits<double>::infinity();
  for (const int kind : c.kinds_in(first, devices)) {
    const auto& d = c.device_at(kind);
    slowest = std::min(slowest, d.memory_bandwidth.value * d.speed);
  }
  return base::BytesPerSecond(slowest / std::max(1.0, c.cores_shared_by));
}

base::BytesPerSecond sum_rate(const cluster::Cluster& c, int first, int devices) {
  double serial = 0;
  for (const int kind : c.kinds_in(first, devices))
    serial = std::max(serial, std::min(1.0, 1 - c.device_at(kind).overlap));
  return serial > 0 ? copy_rate(c, first, devices) * (1 / (3 * serial)) : base::BytesPerSecond(0);
}

sharding::Mesh fastest_mesh(const cluster::Cluster& c, std::vector<int64_t> shape) {
  int64_t size = 1;
  for (const int64_t n : shape) size *= n;
  sharding::Mesh fastest = make_mesh(c, 0, shape);
  const bool alike = c.topology == cluster::Topology::kUniform || c.topology == cluster::Topology::kSwitch;
  for (int first = 1; !alike && first + size <= c.devices_per_host; ++first) {
    const sharding::Mesh other = make_mesh(c, first, shape);
    fastest.memory = std::max(fastest.memory, other.memory);
    fastest.sums = fastest.sums.value > 0 && other.sums.value > 0 ? std::max(fastest.sums, other.sums)
                                                                  : base::BytesPerSecond(0);
    for (size_t a = 0; a < other.links.size(); ++a)
      fastest.links[a].bandwidth = std::max(fastest.links[a].bandwidth, other.links[a].bandwidth);
  }
  return fastest;
}

cluster::Link boundary_link(const cluster::Cluster& c, int boundary, int devices) {
  cluster::Link link = cluster::pair_link(c, boundary - 1, boundary);
  if (boundary % c.devices_per_host != 0) return link;
  const int flows = std::min(devices, c.devices_per_host);
  link.bandwidth = std::min(link.bandwidth, cluster::host_share(c, flows));
  if (c.rack_of(boundary - 1) != c.rack_of(boundary))
    link.bandwidth = std::min(link.bandwidth, cluster::rack_share(c, flows));
  return link;
}

}  // namespace cordata::cost
