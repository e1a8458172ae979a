// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <optional>
#include <span>
#include <string_view>

#include "cordata/cluster/cluster.h"

namespace cordata::cluster {

// A kind of host that a cluster can be made of, `PRESET:HOSTS`. Figures are of one host.
struct Preset {
  std::string_view name;
  Cluster (*make)();
};
std::span<const Preset> preset_table();  // alphabetical

// `ranks` devices on the machine this runs on. Peak and memory bandwidth are measured once (a tenth of a
// second) and kept under $XDG_CACHE_HOME/cordata; links between ranks are modelled.
// `cores`: what the ranks have together; by default those that this process may use.
Cluster local(int ranks, std::optional<int> cores = {});

}  // namespace cordata::cluster
