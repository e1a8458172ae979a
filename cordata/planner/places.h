// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <compare>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "cordata/cluster/cluster.h"

namespace cordata::planner {

// What ops cost on a run of devices depends on: how many there are, and their kinds (Cluster::kinds_in), of
// which the slowest counts.
struct Place {
  int devices = 1;
  std::vector<int> kinds;
  auto operator<=>(const Place&) const = default;
};

// The runs of a cluster's devices, as stages see them.
class Places {
 public:
  // `limit`: bytes that each device may hold; 0: what each has.
  Places(const cluster::Cluster& cluster, double limit) : cluster_(cluster), limit_(limit) {}

  const Place& of(int first, int devices) const { return run(first, devices).place; }
  // Bytes that each device of the run may hold: its smallest one's.
  double limit(int first, int devices) const { return run(first, devices).limit; }
  // The first device of the first run that is to a stage what this one is: as far into a host, of the same
  // kinds.
  int alike(int first, int devices) const;
  double least_limit() const { return limit(0, cluster_.num_devices()); }
  bool equal_limits() const;
  std::string limits() const;  // for people: "16 GB", "8 GB to 40 GB"

 private:
  struct Run {
    Place place;
    double limit = 0;
    int alike = 0;
  };
  const Run& run(int first, int devices) const;
  int within_host(int first, int devices) const;

  const cluster::Cluster& cluster_;
  double limit_;
  mutable std::map<std::pair<int, int>, Run> known_;  // where there are groups by first device, else 0
};

}  // namespace cordata::planner
