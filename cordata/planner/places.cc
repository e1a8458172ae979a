// SPDX-License-Identifier: Apache-2.0
#include "cordata/planner/places.h"

#include <algorithm>

#include "cordata/base/units.h"

namespace cordata::planner {

int Places::within_host(int first, int devices) const {
  return devices < cluster_.devices_per_host ? first % cluster_.devices_per_host : 0;
}

const Places::Run& Places::run(int first, int devices) const {
  const bool unequal = !cluster_.groups.empty();
  const auto [it, fresh] = known_.try_emplace({unequal ? first : 0, devices});
  Run& run = it->second;
  if (!fresh) return run;
  run.place = {devices, cluster_.kinds_in(first, devices)};
  run.limit = limit_ > 0 ? limit_ : cluster_.least_memory(first, devices).value;
  run.alike = within_host(first, devices);
  const auto like_this = [&](int other) { return cluster_.kinds_in(other, devices) == run.place.kinds; };
  while (unequal && run.alike < first && !like_this(run.alike)) run.alike += cluster_.devices_per_host;
  return run;
}

int Places::alike(int first, int devices) const {
  return cluster_.groups.empty() ? within_host(first, devices) : run(first, devices).alike;
}

bool Places::equal_limits() const {
  for (const int kind : cluster_.kinds_in(0, cluster_.num_devices()))
    if (limit(kind, 1) != least_limit()) return false;
  return true;
}

std::string Places::limits() const {
  double most = least_limit();
  for (const int kind : cluster_.kinds_in(0, cluster_.num_devices())) most = std::max(most, limit(kind, 1));
  const std::string least = base::to_string(base::Bytes(least_limit()));
  return equal_limits() ? least : least + " to " + base::to_string(base::Bytes(most));
}

}  // namespace cordata::planner
