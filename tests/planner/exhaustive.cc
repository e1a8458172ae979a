// SPDX-License-Identifier: Apache-2.0
#include "tests/planner/exhaustive.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <set>

namespace cordata::tests {
namespace {

constexpr double kNever = std::numeric_limits<double>::infinity();

// A number from 0 to 1 that depends on all of these.
double chance(uint64_t seed, std::initializer_list<int> numbers) {
  for (const int n : numbers) {
    seed = (seed ^ static_cast<uint64_t>(n + 7)) * 0x9E3779B97F4A7C15ull;
    seed ^= seed >> 29;
  }
  return static_cast<double>(seed >> 11) * 0x1p-53;
}

// What tells places apart: the devices of a stage, and where in a host they lie unless they are whole hosts.
int place_number(const CuttingCase& c, int first, int devices) {
  int kinds = 0;
  for (int d = first; d < first + devices; ++d) kinds |= 1 << c.kinds[d];
  return kinds * 64 + (devices < c.devices_per_host ? first % c.devices_per_host : 0);
}

double worst(const std::vector<double>& by_kind, const CuttingCase& c, int first, int devices) {
  double most = 0;
  for (int d = first; d < first + devices; ++d) most = std::max(most, by_kind[c.kinds[d]]);
  return most;
}

double sum_of_work(const CuttingCase& c, int first, int last) {
  double sum = 0;
  for (int l = first; l < last; ++l) sum += c.work[l];
  return sum;
}

// A part of one host, or whole hosts. Hosts of more than six devices are halved, quartered and so on, or
// divided evenly.
bool may_be_stage(const CuttingCase& c, int first, int devices) {
  const int host = c.devices_per_host;
  if (devices > host) return devices % host == 0 && first % host == 0;
  std::set<int> powers;
  for (int p = 1; p <= host; p *= 2) powers.insert(p);
  if (host > 6 && !powers.contains(devices) && host % devices != 0) return false;
  return first / host == (first + devices - 1) / host;
}

struct OneStage {
  int first_layer, last_layer, first_device, devices;
};

class Everything {
 public:
  explicit Everything(const CuttingCase& c) : c_(c) {
    best_.seconds.assign(c.microbatches.size(), kNever);
    best_.bytes.assign(c.microbatches.size(), kNever);
  }

  BestCutting run() {
    extend(0, 0);
    return best_;
  }

 private:
  void extend(int layer, int device) {
    if (layer == c_.layers) {
      const bool complete = device == c_.devices() || c_.may_idle;
      if (complete && (c_.stages == 0 || c_.stages == static_cast<int>(chosen_.size()))) weigh();
      return;
    }
    for (int devices = 1; devices <= c_.devices() - device; ++devices) {
      if (!may_be_stage(c_, device, devices)) continue;
      for (int last = layer + 1; last <= c_.layers; ++last) {
        chosen_.push_back({layer, last, device, devices});
        extend(last, device + devices);
        chosen_.pop_back();
      }
    }
  }

  void weigh() {
    ++best_.cuttings;
    for (size_t m = 0; m < c_.microbatches.size(); ++m) weigh(static_cast<int>(m));
  }

  // All microbatches go through all stages: the first alone, then one after every beat. A beat is what the
  // slowest stage takes, or what all stages together take of the cores.
  void weigh(int m) {
    const int count = c_.microbatches[m], stages = static_cast<int>(chosen_.size());
    double first = 0, beat = 0, on_cores = 0, fullest = 0;
    for (int s = 0; s < stages; ++s) {
      const OneStage& o = chosen_[s];
      const int in_flight = c_.gpipe ? count : std::min(count, stages - s);
      const double seconds = c_.seconds(m, o.first_layer, o.last_layer, o.first_device, o.devices, in_flight);
      fullest =
          std::max(fullest, c_.bytes(m, o.first_layer, o.last_layer, o.first_device, o.devices, in_flight));
      first += seconds;
      beat = std::max(beat, seconds);
      if (c_.cores > 0) on_cores += seconds * std::min(static_cast<double>(o.devices), c_.cores) / c_.cores;
    }
    best_.seconds[m] = std::min(best_.seconds[m], first + (count - 1) * std::max(beat, on_cores));
    best_.bytes[m] = std::min(best_.bytes[m], fullest);
  }

  const CuttingCase& c_;
  std::vector<OneStage> chosen_;
  BestCutting best_;
};

}  // namespace

double CuttingCase::seconds(int m, int first_layer, int last_layer, int first_device, int devices,
                            int in_flight) const {
  if (bytes(m, first_layer, last_layer, first_device, devices, in_flight) >
      1 / worst(room, *this, first_device, devices))
    return kNever;
  const double luck =
      chance(seed, {m, first_layer, last_layer, place_number(*this, first_device, devices), devices});
  return sum_of_work(*this, first_layer, last_layer) / microbatches[m] *
         worst(slowness, *this, first_device, devices) * (1 + 3 * luck * luck) / std::pow(devices, 0.8);
}

// Of the stage: parameters in shards, and what each microbatch in flight keeps.
double CuttingCase::bytes(int m, int first_layer, int last_layer, int first_device, int devices,
                          int in_flight) const {
  const double luck =
      chance(seed + 1, {m, first_layer, last_layer, place_number(*this, first_device, devices), devices});
  return sum_of_work(*this, first_layer, last_layer) * (0.3 + luck) *
         (1 + static_cast<double>(in_flight) / microbatches[m]) / devices;
}

double CuttingCase::least_work(int m, int layer) const {
  double fastest = kNever;
  for (const int k : kinds) fastest = std::min(fastest, slowness[k]);
  return work[layer] / microbatches[m] * fastest;
}

CuttingCase draw_cutting_case(std::mt19937_64& random) {
  constexpr int kShapes[][2] = {{1, 1}, {1, 2}, {1, 3}, {2, 1}, {2, 2}, {1, 4},
                                {3, 1}, {2, 3}, {4, 1}, {3, 2}, {2, 4}, {1, 8}};
  CuttingCase c;
  const auto& shape = kShapes[random() % std::size(kShapes)];
  c.layers = 1 + static_cast<int>(random() % 6);
  c.hosts = shape[0], c.devices_per_host = shape[1];
  if (random() % 3 == 0)
    c.cores = static_cast<double>(c.devices()) / (1 + static_cast<double>(random() % c.devices()));
  if (c.cores >= c.devices()) c.cores = 0;
  c.gpipe = random() % 2;
  c.may_idle = random() % 4 == 0;
  if (random() % 5 == 0) c.stages = 1 + static_cast<int>(random() % 3);
  for (int count = 1; count <= 16; count *= 2)
    if (random() % 2) c.microbatches.push_back(count);
  if (c.microbatches.empty()) c.microbatches = {4};
  const int kinds = random() % 2 ? 1 : 2 + static_cast<int>(random() % 2);
  const bool by_host = random() % 2;  // kinds change from host to host only
  for (int d = 0; d < c.devices(); ++d)
    c.kinds.push_back(by_host && d % c.devices_per_host ? c.kinds.back()
                                                        : static_cast<int>(random() % kinds));
  const auto between = [&](double low, double high) {
    return std::uniform_real_distribution<double>(low, high)(random);
  };
  const bool tight = random() % 2;
  for (int k = 0; k < kinds; ++k) {
    c.slowness.push_back(k == 0 ? 1 : between(0.3, 4));
    c.room.push_back(tight ? between(0.05, 1.2) : 1e-9);  // one over the bytes that fit
  }
  for (int l = 0; l < c.layers; ++l) c.work.push_back(between(0.2, 3));
  c.seed = random();
  return c;
}

BestCutting all_cuttings(const CuttingCase& problem) { return Everything(problem).run(); }

}  // namespace cordata::tests
