// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "cordata/base/units.h"
#include "cordata/ir/type.h"

namespace cordata::cluster {

// A message of n bytes takes alpha + n / bandwidth. `source` says where the numbers are from.
struct Link {
  base::Seconds alpha{0};
  base::BytesPerSecond bandwidth{0};
  std::string source;
};

// A device: what it can do in a second and hold. Peak by dtype name ("f32", "bf16"); the planner multiplies
// it by `efficiency` (what a large matmul reaches of the peak). All that it computes goes at `speed` times
// these figures (a rank with half a core: 0.5). All figures carry their source.
struct Device {
  std::string kind;
  std::map<ir::DType, base::FlopsPerSecond> peak;
  double efficiency = 1.0;
  base::Bytes memory{0};
  base::BytesPerSecond memory_bandwidth{0};
  base::Seconds launch{0};  // to start one op
  double overlap = 1.0;     // share of the shorter of an op's computing and moving that the longer hides
  double speed = 1.0;
  // A file of ops that were measured on such a device (cost/op_profile.h), for which the figures above don't
  // count; empty: none.
  std::string profile;
  // Its compiler computes a value again in each kernel that reads it where that moves less (XLA on GPUs).
  bool merges_kernels = false;
  std::string source;
};

// A run of devices that are unlike Cluster::device.
struct DeviceGroup {
  int first = 0, count = 1;
  Device device;
};

// How the devices of a host are joined, and so what Cluster::intra's bandwidth, in each direction, is of.
enum class Topology {
  kLinks,    // Cluster::wires; intra's is of a pair that no wire joins
  kRing,     // device i and i + 1, and the last and the first: of one such link
  kSwitch,   // of a device's port
  kUniform,  // of each pair, whatever the others do
};
std::string_view name(Topology topology);  // "links", "ring", "switch", "uniform"

// `count` equal links between two devices of a host, each with this bandwidth in each direction.
struct Wire {
  int a = 0, b = 0;
  int count = 1;
  base::BytesPerSecond bandwidth{0};
};

// Groups of hosts below one switch. What leaves a rack has the sum of its hosts' bandwidths divided by
// `oversubscription`; alpha is that of a message between racks.
struct Racks {
  int hosts_per_rack = 1;
  double oversubscription = 1.0;
  base::Seconds alpha{0};
  std::string source;
};

// What an hour of a device costs, in whatever currency.
struct Price {
  double per_device_hour = 0;
  std::string currency;
  std::string source;
};

// Hosts of as many devices each; LASTING. Devices are numbered host by host. `intra`: between two devices of
// a host; `inter`: out of a host, shared by all its devices that talk at once, through `nics` equal NICs of
// which a message takes one. `cores_shared_by`: devices that share one set of cores (local:N with more ranks
// than cores), 1 when each has its own. What links and racks come to: topology.h. docs/clusters.md has the
// file.
struct Cluster {
  std::string name;  // for people; never looked at
  int hosts = 1;
  int devices_per_host = 1;
  Device device;                    // of all that are in no group
  std::vector<DeviceGroup> groups;  // in order, each device in one at most
  Link intra, inter;
  Topology topology = Topology::kUniform;
  std::vector<Wire> wires;  // of Topology::kLinks
  int nics = 1;
  std::optional<Racks> racks;  // without: every host reaches every other alike
  double cores_shared_by = 1.0;
  std::optional<Price> price;

  int num_devices() const { return hosts * devices_per_host; }
  int host_of(int device) const { return device / devices_per_host; }
  int rack_of(int device) const { return racks ? host_of(device) / racks->hosts_per_rack : 0; }
  const Device& device_at(int index) const;
  // One device for each kind in a run: the first of the cluster with the same figures. Ascending; names and
  // sources don't count. {0} where there are no groups.
  std::vector<int> kinds_in(int first, int count) const;
  base::Bytes least_memory(int first, int count) const;  // of a device in that run
};

// "p3.16xlarge:8" (PRESET:HOSTS), "local:4" (ranks on this machine: its memory and cores divided), or a
// file's path ("format": "cordata.cluster/1"). `cores`: what local's ranks have together, by default those
// that this process may use. Throws a user error naming the presets.
Cluster resolve(const std::string& spec, std::optional<int> cores = {});
std::vector<std::string> presets();
// Throws a user error naming the first field that is wrong, its unit and a value that would do.
void validate(const Cluster& cluster);
void to_json(nlohmann::json& j, const Cluster& c);
void from_json(const nlohmann::json& j, Cluster& c);

}  // namespace cordata::cluster
