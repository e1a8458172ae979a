// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <random>
#include <vector>

namespace cordata::tests {

// A random problem of cutting layers into stages and devices into submeshes, its stages' costs a table. Plain
// numbers: neither this nor what goes through all its cuttings knows anything of the planner.
struct CuttingCase {
  int layers = 1, hosts = 1, devices_per_host = 1;
  std::vector<int> kinds;         // by device; equal ones are equal
  double cores = 0;               // that all devices share; 0: each has its own
  bool gpipe = false;             // all microbatches are held at once; else as many as there are stages left
  bool may_idle = false;          // devices at the end may do nothing
  int stages = 0;                 // 0: any number
  std::vector<int> microbatches;  // the numbers of them that there are to choose from

  int devices() const { return hosts * devices_per_host; }
  // c of a stage a microbatch, of a plan with microbatches[m] of them; infinity: doesn't fit.
  double seconds(int m, int first_layer, int last_layer, int first_device, int devices, int in_flight) const;
  double bytes(int m, int first_layer, int last_layer, int first_device, int devices, int in_flight) const;
  // Device-seconds that a layer takes at least, whatever devices it is on.
  double least_work(int m, int layer) const;

  std::vector<double> work;            // by layer: of a sample
  std::vector<double> slowness, room;  // by kind
  uint64_t seed = 0;                   // of the table
};

CuttingCase draw_cutting_case(std::mt19937_64& random);

// The best of all cuttings with each of the numbers of microbatches.
struct BestCutting {
  std::vector<double> seconds;  // of the step; infinity: nothing fits
  std::vector<double> bytes;    // the least that the fullest device can hold
  int64_t cuttings = 0;         // that were looked at
};
BestCutting all_cuttings(const CuttingCase& problem);

}  // namespace cordata::tests
