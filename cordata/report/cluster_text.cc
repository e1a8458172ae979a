// SPDX-License-Identifier: Apache-2.0
#include "cordata/report/cluster_text.h"

#include <fmt/format.h>

#include <algorithm>
#include <numeric>

#include "cordata/base/table.h"
#include "cordata/cluster/topology.h"

namespace cordata::report {
namespace {

using cluster::Cluster;
using cluster::Topology;
using Rows = std::vector<std::vector<std::string>>;

constexpr int kMostDrawn = 4;      // racks, and hosts of a rack
constexpr int kWidestMatrix = 16;  // devices

// Links are sold by powers of ten.
std::string rate(base::BytesPerSecond r) { return fmt::format("{:.4g} GB/s", r.value / 1e9); }

std::string after(const cluster::Link& l) {
  return fmt::format("{} after {}", rate(l.bandwidth), base::to_string(l.alpha));
}

// "device 3", "devices 0-7".
std::string devices(int first, int count) {
  return count == 1 ? fmt::format("device {}", first)
                    : fmt::format("devices {}-{}", first, first + count - 1);
}

std::string host_line(const Cluster& c, int host) {
  const int first = host * c.devices_per_host, last = first + c.devices_per_host - 1;
  std::string line = fmt::format("host {}: {}", host, devices(first, last - first + 1));
  if (c.hosts == 1) return line;
  if (c.nics == 1) return line + fmt::format(", NIC of {}", rate(c.inter.bandwidth));
  return line + fmt::format(", {} NICs x {} = {}", c.nics, rate(c.inter.bandwidth / c.nics),
                            rate(c.inter.bandwidth));
}

// Branches of a tree, the middle ones left out where there are many: all but the last are drawn with what
// follows.
template <typename Line>
void branches(std::string& text, const std::string& indent, int first, int count, const char* what,
              Line line) {
  const bool all = count <= kMostDrawn;
  const int drawn = all ? count : kMostDrawn - 1;
  for (int i = 0; i < drawn; ++i) {
    const bool last = all && i + 1 == drawn;
    line(first + i, indent + (last ? "└─ " : "├─ "), indent + (last ? "   " : "│  "));
  }
  if (!all) text += fmt::format("{}└─ {} more {}\n", indent, count - drawn, what);
}

std::string tree(const Cluster& c) {
  std::string text;
  const auto hosts = [&](const std::string& indent, int first, int count) {
    branches(text, indent, first, count, "hosts", [&](int host, const std::string& at, const std::string&) {
      text += at + host_line(c, host) + "\n";
    });
  };
  text = "network\n";
  if (!c.racks) {
    hosts("", 0, c.hosts);
    return text;
  }
  const int each = c.racks->hosts_per_rack, racks = (c.hosts + each - 1) / each;
  branches(text, "", 0, racks, "racks", [&](int rack, const std::string& at, const std::string& below) {
    const int here = std::min(each, c.hosts - rack * each);
    text += fmt::format("{}rack {}: {} host{}, {} out of it\n", at, rack, here, here == 1 ? "" : "s",
                        rate(cluster::rack_share(c)));
    hosts(below, rack * each, here);
  });
  return text;
}

bool joined(const Cluster& c, int a, int b) {
  const int apart = std::abs(a - b);
  if (c.topology == Topology::kRing) return apart == 1 || apart == c.devices_per_host - 1;
  if (c.topology != Topology::kLinks) return true;
  return std::ranges::any_of(c.wires,
                             [&](const auto& w) { return std::minmax(w.a, w.b) == std::minmax(a, b); });
}

// Bandwidth of each pair; in brackets where no link of their own joins them.
std::string matrix(const Cluster& c) {
  const int n = c.devices_per_host;
  std::string text = "GB/s ";
  for (int b = 0; b < n; ++b) text += fmt::format("{:>7}", b);
  for (int a = 0; a < n; ++a) {
    text += fmt::format("\n{:>5}", a);
    for (int b = 0; b < n; ++b) {
      const std::string cell = fmt::format("{:.4g}", cluster::pair_link(c, a, b).bandwidth.value / 1e9);
      text += fmt::format("{:>7}", a == b ? "-" : joined(c, a, b) ? cell : "(" + cell + ")");
    }
  }
  return text + "\n";
}

// What a collective has while all groups of so many neighbours are at work, and those across them.
std::string rings(const Cluster& c) {
  const int n = c.devices_per_host;
  Rows rows = {{"rings at work in a host", "each", "across them"}};
  for (int size = n; size >= 2; --size) {
    if (n % size) continue;
    cluster::Groups runs(n / size), across(size);
    for (int d = 0; d < n; ++d) runs[d / size].push_back(d), across[d % size].push_back(d);
    rows.push_back({fmt::format("{} of {} devices", n / size, size),
                    rate(cluster::host_ring_bandwidth(c, runs)),
                    size == n ? "" : rate(cluster::host_ring_bandwidth(c, across))});
  }
  return base::table(rows);
}

std::string_view what_of(Topology topology) {
  switch (topology) {
    case Topology::kLinks:
      return "pairs without a link";
    case Topology::kRing:
      return "a ring, each link";
    case Topology::kSwitch:
      return "a switch, each port";
    case Topology::kUniform:
      return "each pair";
  }
  return "?";
}

void add_links(Rows& rows, const Cluster& c) {
  if (c.devices_per_host > 1)
    rows.push_back({fmt::format("in a host: {}", what_of(c.topology)), after(c.intra)});
  if (c.hosts > 1) rows.push_back({"out of a host", after(c.inter)});
  if (c.racks)
    rows.push_back({"out of a rack",
                    fmt::format("{} after {}, {:g} times less than its hosts'", rate(cluster::rack_share(c)),
                                base::to_string(c.racks->alpha), c.racks->oversubscription)});
}

// Each run of devices with its figures.
std::vector<std::pair<std::string, const cluster::Device*>> runs(const Cluster& c) {
  if (c.groups.empty()) return {{"device", &c.device}};
  std::vector<std::pair<std::string, const cluster::Device*>> all;
  int next = 0;
  const auto others_before = [&](int first) {
    if (first > next) all.emplace_back(devices(next, first - next), &c.device);
  };
  for (const auto& g : c.groups) {
    others_before(g.first);
    all.emplace_back(devices(g.first, g.count), &g.device);
    next = g.first + g.count;
  }
  others_before(c.num_devices());
  return all;
}

void add_device(Rows& rows, const std::string& which, const cluster::Device& d) {
  std::string peaks;
  for (const auto& [type, peak] : d.peak)
    peaks += fmt::format("{}{} {}/s", peaks.empty() ? "" : ", ", ir::name(type),
                         base::to_string(base::Flops(peak.value)));
  rows.insert(rows.end(),
              {{which, d.kind},
               {"  peak", peaks},
               {"  of it reached", fmt::format("{:.0f} %", 100 * d.efficiency)},
               {"  memory", fmt::format("{} at {}", base::to_string(d.memory), rate(d.memory_bandwidth))},
               {"  to start an op", base::to_string(d.launch)}});
  if (d.speed != 1) rows.push_back({"  speed of these", fmt::format("{:.3g}", d.speed)});
  if (!d.profile.empty()) rows.push_back({"  ops as measured in", d.profile});
}

std::string figures(const Cluster& c) {
  Rows rows = {{"what", "how much"}};
  for (const auto& [which, device] : runs(c)) add_device(rows, which, *device);
  add_links(rows, c);
  if (c.price)
    rows.push_back(
        {"an hour of a device", fmt::format("{:g} {}", c.price->per_device_hour, c.price->currency)});
  if (c.cores_shared_by > 1) rows.push_back({"devices to a core", fmt::format("{:g}", c.cores_shared_by)});
  return base::table(rows);
}

std::string sources(const Cluster& c) {
  std::string text;
  const auto add = [&](const std::string& what, bool there, const std::string& source) {
    if (there && !source.empty()) text += fmt::format("{}: {}\n", what, source);
  };
  for (const auto& [which, device] : runs(c)) add(which, true, device->source);
  add("in a host", c.devices_per_host > 1, c.intra.source);
  add("out of a host", c.hosts > 1, c.inter.source);
  add("out of a rack", c.racks.has_value(), c.racks ? c.racks->source : "");
  add("price", c.price.has_value(), c.price ? c.price->source : "");
  return text.empty() ? text : "\nWhere the figures are from\n" + text;
}

}  // namespace

std::string cluster_text(const Cluster& c) {
  std::string text = fmt::format("{}: {} host{} x {} = {} devices\n\n{}\n", c.name, c.hosts,
                                 c.hosts == 1 ? "" : "s", c.devices_per_host, c.num_devices(), tree(c));
  if (c.devices_per_host > 1 && c.devices_per_host <= kWidestMatrix) text += matrix(c) + "\n";
  if (c.devices_per_host > 1) text += rings(c) + "\n";
  return text + figures(c) + sources(c);
}

std::string clusters_table(const std::vector<Cluster>& clusters) {
  Rows rows = {
      {"preset", "a host", "fastest type", "memory of each", "in a host", "ring of all", "out of a host"}};
  for (const Cluster& c : clusters) {
    const auto fastest = std::ranges::max_element(
        c.device.peak, [](const auto& a, const auto& b) { return a.second < b.second; });
    std::vector<int> all(c.devices_per_host);
    std::iota(all.begin(), all.end(), 0);
    rows.push_back(
        {c.name, fmt::format("{} x {}", c.devices_per_host, c.device.kind),
         fmt::format("{} {}/s", ir::name(fastest->first),
                     base::to_string(base::Flops(fastest->second.value))),
         fmt::format("{:.4g} GB at {}", c.device.memory.value / 1e9, rate(c.device.memory_bandwidth)),
         std::string(cluster::name(c.topology)), rate(cluster::host_ring_bandwidth(c, {all})),
         fmt::format("{} x {}", c.nics, rate(c.inter.bandwidth / c.nics))});
  }
  return base::table(rows);
}

}  // namespace cordata::report
