// SPDX-License-Identifier: Apache-2.0
#include "cordata/cluster/topology.h"

#include <algorithm>
#include <limits>
#include <map>
#include <mutex>
#include <set>

#include "cordata/cluster/rings.h"

namespace cordata::cluster {
namespace {

using base::BytesPerSecond;

const BytesPerSecond kUnlimited(std::numeric_limits<double>::infinity());

// Planning asks for the same few groups thousands of times.
BytesPerSecond remembered_rings(const std::vector<Wire>& wires, const std::vector<int>& devices) {
  static std::mutex mutex;
  static std::map<std::vector<double>, BytesPerSecond> known;
  std::vector<double> key(devices.begin(), devices.end());
  for (const Wire& w : wires)
    key.insert(key.end(), {-1.0, double(w.a), double(w.b), double(w.count), w.bandwidth.value});
  {
    const std::lock_guard lock(mutex);
    if (const auto it = known.find(key); it != known.end()) return it->second;
  }
  const BytesPerSecond bandwidth = lay_rings(wires, devices).bandwidth;
  const std::lock_guard lock(mutex);
  if (known.size() > 10'000) known.clear();  // many clusters in one process
  return known[key] = bandwidth;
}

bool neighbours(const std::vector<int>& sorted) {
  return sorted.back() - sorted.front() == static_cast<int>(sorted.size()) - 1;
}

// Groups of neighbours go forth and back over their own links. Others go round the whole ring, both ways, and
// share it: each of their two rings takes every link of its direction once.
BytesPerSecond on_a_ring(const Cluster& c, Groups groups) {
  bool apart = true;
  for (auto& g : groups) {
    std::ranges::sort(g);
    apart = apart && neighbours(g);
  }
  const bool whole = groups.size() == 1 && static_cast<int>(groups[0].size()) == c.devices_per_host;
  if ((apart && !whole) || c.devices_per_host == 2) return c.intra.bandwidth;
  return 2 * c.intra.bandwidth / static_cast<double>(groups.size());
}

// What crosses the boundaries of parts (hosts, racks): how many groups pass through the part that they crowd
// most; 0 when none leaves its part.
template <typename PartOf>
int most_crossing(const Groups& groups, PartOf part_of) {
  std::map<int, int> crossing;
  int most = 0;
  for (const auto& group : groups) {
    std::set<int> parts;
    for (const int d : group) parts.insert(part_of(d));
    if (parts.size() < 2) continue;
    for (const int p : parts) most = std::max(most, ++crossing[p]);
  }
  return most;
}

// The slowest of the hosts, each with its own parts of the groups.
BytesPerSecond within_hosts(const Cluster& c, const Groups& groups) {
  if (c.topology == Topology::kUniform || c.topology == Topology::kSwitch) return c.intra.bandwidth;
  std::map<int, Groups> by_host;
  for (const auto& group : groups) {
    std::map<int, std::vector<int>> parts;
    for (const int d : group) parts[c.host_of(d)].push_back(d % c.devices_per_host);
    for (auto& [host, part] : parts) by_host[host].push_back(std::move(part));
  }
  std::set<Groups> seen;  // hosts are alike
  BytesPerSecond slowest = kUnlimited;
  for (auto& [host, parts] : by_host)
    if (seen.insert(parts).second) slowest = std::min(slowest, host_ring_bandwidth(c, parts));
  return slowest;
}

}  // namespace

BytesPerSecond host_ring_bandwidth(const Cluster& c, const Groups& groups) {
  Groups talking;
  std::ranges::copy_if(groups, std::back_inserter(talking), [](const auto& g) { return g.size() > 1; });
  if (talking.empty()) return kUnlimited;
  if (c.topology == Topology::kUniform || c.topology == Topology::kSwitch) return c.intra.bandwidth;
  if (c.topology == Topology::kRing) return on_a_ring(c, std::move(talking));
  BytesPerSecond slowest = kUnlimited;
  for (const auto& g : talking)
    slowest = std::min(slowest, std::max(remembered_rings(c.wires, g), c.intra.bandwidth));
  return slowest;
}

Link ring_link(const Cluster& c, const Groups& groups) {
  const int sharing = most_crossing(groups, [&](int d) { return c.host_of(d); });
  if (sharing == 0) {
    const auto within = within_hosts(c, groups);
    return {c.intra.alpha, within == kUnlimited ? c.intra.bandwidth : within, c.intra.source};
  }
  Link link{std::max(c.intra.alpha, c.inter.alpha), host_share(c, sharing), c.inter.source};
  if (c.devices_per_host > 1) link.bandwidth = std::min(link.bandwidth, within_hosts(c, groups));
  if (const int out = most_crossing(groups, [&](int d) { return c.rack_of(d); }); out > 0) {
    link.alpha = std::max(link.alpha, c.racks->alpha);
    link.bandwidth = std::min(link.bandwidth, rack_share(c, out));
  }
  return link;
}

Link pair_link(const Cluster& c, int a, int b) {
  if (c.host_of(a) == c.host_of(b)) {
    Link link = c.intra;
    const int x = a % c.devices_per_host, y = b % c.devices_per_host;
    for (const Wire& w : c.wires)
      if ((w.a == x && w.b == y) || (w.a == y && w.b == x)) link.bandwidth = w.bandwidth * w.count;
    return link;
  }
  Link link{c.inter.alpha, c.inter.bandwidth / c.nics, c.inter.source};
  if (c.rack_of(a) != c.rack_of(b)) {
    link.alpha = std::max(link.alpha, c.racks->alpha);
    link.bandwidth = std::min(link.bandwidth, rack_share(c));
  }
  return link;
}

BytesPerSecond host_share(const Cluster& c, double flows) { return c.inter.bandwidth / flows; }

BytesPerSecond rack_share(const Cluster& c, double flows) {
  if (!c.racks) return kUnlimited;
  return c.inter.bandwidth * c.racks->hosts_per_rack / c.racks->oversubscription / flows;
}

}  // namespace cordata::cluster
