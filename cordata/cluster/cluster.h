// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <vector>

#include "cordata/base/units.h"
#include "cordata/ir/type.h"

namespace cordata::cluster {

// One way between two devices: a message of n bytes takes alpha + n / bandwidth. `source` says where the
// number is from.
struct Link {
  base::Seconds alpha{0};
  base::BytesPerSecond bandwidth{0};
  std::string source;
};

// A device: what it can do in a second and hold. Peak by dtype name ("f32", "bf16"); the planner multiplies
// it by `efficiency` (what a large matmul reaches of the peak). All figures carry their source.
struct Device {
  std::string kind;
  std::map<ir::DType, base::FlopsPerSecond> peak;
  double efficiency = 1.0;
  base::Bytes memory{0};
  base::BytesPerSecond memory_bandwidth{0};
  base::Seconds launch{0};  // to start one op
  std::string source;
};

// Hosts of equal devices; LASTING. Devices are numbered host by host. `intra`: between two devices of a host;
// `inter`: out of a host, shared by all its devices that talk at once. `cores_shared_by`: devices that share
// one set of cores (local:N with more ranks than cores), 1 when each has its own.
struct Cluster {
  std::string name;  // for people; never looked at
  int hosts = 1;
  int devices_per_host = 1;
  Device device;
  Link intra, inter;
  double cores_shared_by = 1.0;

  int num_devices() const { return hosts * devices_per_host; }
};

// "p3.16xlarge:8" (PRESET:HOSTS), "local:4" (ranks on this machine: its memory and cores divided), or a
// file's path ("format": "cordata.cluster/1"). `cores`: what local's ranks have together, by default those
// that this process may use. Throws a user error naming the presets.
Cluster resolve(const std::string& spec, std::optional<int> cores = {});
std::vector<std::string> presets();
void validate(const Cluster& cluster);
void to_json(nlohmann::json& j, const Cluster& c);
void from_json(const nlohmann::json& j, Cluster& c);

}  // namespace cordata::cluster
