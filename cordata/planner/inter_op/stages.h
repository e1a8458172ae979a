// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <compare>
#include <cstdint>
#include <functional>
#include <limits>
#include <optional>
#include <vector>

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
};

struct StageSolution {
  std::vector<StageKey> stages;
  double seconds = 0;
  int64_t evaluated = 0;  // stages whose exact cost was asked
  int rounds = 0;         // dynamic programs run
};

// Sizes of submeshes: within a host, all sizes for hosts of up to 6 devices, else powers of two and divisors;
// then whole hosts. A submesh smaller than a host doesn't cross hosts; a larger one starts at a host.
std::vector<int> submesh_sizes(int devices, int devices_per_host);

// Whether a submesh of that many devices may start there.
bool submesh_starts_at(int first_device, int devices, int devices_per_host);

// The step time of stages with these costs: the formula above.
double step_seconds(const StageProblem& problem, const std::vector<StageKey>& stages,
                    const std::vector<double>& cost);

// Exact: a dynamic program over (stages left, first layer, first device) that keeps every suffix not beaten
// in all of (sum, max, cores), which is the enumeration of t_max at all its values at once. It runs on bounds
// first; stages of the best answer get their exact cost, until the best answer has no bounds in it. Answers
// made of exact costs alone say what the others must be below. nullopt: no cutting fits, or takes less than
// `at_most`. `least`: no cutting takes less, as far as is proven; below `at_most` even where nothing was
// found.
std::optional<StageSolution> cut_stages(const StageProblem& problem, double* least = nullptr);

}  // namespace cordata::planner
