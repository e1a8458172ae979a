// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <compare>
#include <cstdint>
#include <functional>
#include <limits>
#include <optional>
#include <vector>

#include "cordata/planner/time_limit.h"

namespace cordata::planner {

// One possible stage: layers [first_layer, last_layer) on devices [first_device, first_device + devices),
// with activations of `in_flight` microbatches held at once.
struct StageKey {
  int first_layer = 0, last_layer = 0;
  int first_device = 0, devices = 0;
  int in_flight = 1;
  auto operator<=>(const StageKey&) const = default;
};

// Cut layers into stages and devices into submeshes, so that the step is shortest:
//   c_i    what stage i costs a microbatch: forward, backward, transfers in, and its share 1/M of the update
//   step = sum c_i + (M - 1) * max(max c_i, sum c_i * cores_i / cores)      (Alpa, sec. 5.1, eq. 2, and
//   shared cores)
// where the last term is only there when devices share cores: no pipeline runs faster than all its work on
// the machine's cores.
struct StageProblem {
  int layers = 1;
  int devices = 1, devices_per_host = 1;
  int microbatches = 1;
  double cores_shared_by = 1;  // cluster::Cluster's
  bool all_in_flight = false;  // GPipe; else 1F1B: a stage with k stages from it to the end holds min(k, M)
  bool allow_idle = false;     // devices at the end may do nothing
  int min_stages = 1, max_stages = 1 << 20;

  // c_i in seconds; infinity: doesn't fit. `bound` is never above `exact` and cheap; exact is asked only for
  // stages that could matter, and where that is not below `below` may answer with any number from there to
  // the exact one.
  std::function<double(const StageKey&)> bound;
  std::function<double(const StageKey&, double below)> exact;
  double at_most = std::numeric_limits<double>::infinity();  // only steps that take less are wanted
  // What is proven of a stage by now, where `exact` may be above the least (a limit of memory); empty:
  // `exact` is.
  std::function<double(const StageKey&)> proven;

  // For steps too large to ask for the exact cost of every stage that could matter; all may be empty.
  // What a stage is likely to cost: cuttings that are best by estimates get their exact costs first.
  std::function<double(const StageKey&)> estimate;
  // The exact costs of all stages of a cutting at once, where there are estimates; NaN where it is not known
  // yet and the stage's estimate changed.
  std::function<std::vector<double>(const std::vector<StageKey>&)> exact_together;
  // By layer: device-seconds a microbatch that the layer takes at least, wherever it is (devices times c_i of
  // any stage is at least the sum of its layers').
  std::vector<double> least_work;
  bool round_sizes = false;  // of submeshes of several hosts, only powers of two and the whole
  double epsilon = 0;        // steps within that share of the best are as good
  // The first device of the placement that stands for this one: stages cost the same there. Empty: itself.
  std::function<int(int first_device, int devices)> alike;
  const TimeLimit* time = nullptr;  // may be none
};

// The same on the first `devices` of the devices, which have the cores of all.
StageProblem on_devices(StageProblem problem, int devices);

struct StageSolution {
  std::vector<StageKey> stages;
  double seconds = 0;
  int64_t evaluated = 0;  // stages whose exact cost was asked
  int rounds = 0;         // times that the best by what is known was looked for
};

// Sizes of submeshes: within a host, all sizes for hosts of up to 6 devices, else powers of two and divisors;
// then whole hosts, any number up to 16, beyond that powers of two and half as much again. A submesh smaller
// than a host doesn't cross hosts; a larger one starts at a host.
std::vector<int> submesh_sizes(int devices, int devices_per_host);

// Those of a problem.
std::vector<int> stage_sizes(const StageProblem& problem);

// Whether a submesh of that many devices may start there.
bool submesh_starts_at(int first_device, int devices, int devices_per_host);

// The step time of stages with these costs: the formula above.
double step_seconds(const StageProblem& problem, const std::vector<StageKey>& stages,
                    const std::vector<double>& cost);

// The best cutting, to epsilon of its step. For a cap on c_i, a dynamic program over (stages left, first
// layer, first device) finds the least sum; caps fall from what the best so far leaves open to where nothing
// fits any more (Alpa, sec. 5.1, with caps skipped that can't gain epsilon). It runs on estimates first,
// where there are any, and asks for the exact costs of what is best by them; without estimates, on bounds:
// stages of the best answer get their exact cost, until the best answer has no bounds in it. Answers made of
// exact costs alone say what the others must be below. nullopt: no cutting fits, or takes less than
// `at_most`. `least`: no cutting takes less, as far as is proven; below `at_most` even where nothing was
// found. Where the time is over, the best so far, and of small steps a `least` of 0.
std::optional<StageSolution> cut_stages(const StageProblem& problem, double* least = nullptr);

// The best cutting by `estimate` alone. This and the next throw TimeIsOver.
std::optional<StageSolution> cut_by_estimates(const StageProblem& problem);

// The cutting whose largest `exact` is least (a peak of memory, say), and that number as its seconds; of
// `bound`, `at_most` the same is said. Exact.
std::optional<StageSolution> cut_least_most(const StageProblem& problem);

}  // namespace cordata::planner
