// SPDX-License-Identifier: Apache-2.0
#include "cordata/planner/planner.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <limits>
#include <map>
#include <optional>
#include <set>

#include "cordata/base/error.h"
#include "cordata/ir/op_table.h"
#include "cordata/planner/inter_op/stages.h"
#include "cordata/planner/layers/step_layers.h"
#include "cordata/planner/stage_solver.h"

namespace cordata::planner {
namespace {

constexpr double kNever = std::numeric_limits<double>::infinity();

// A planner's name taken apart.
struct Request {
  std::string restriction;  // of the intra-op problem, or ""
  int stages = 0;           // 0: any
  int stage_devices = 0;    // 0: any
  int microbatches = 0;
  std::string schedule = "1f1b";
  bool single = false;
};

int number(const std::string& key, const std::string& word) {
  int n = 0;
  const auto [end, error] = std::from_chars(word.data(), word.data() + word.size(), n);
  if (error != std::errc() || end != word.data() + word.size() || n < 1)
    throw base::user_error("[planner] {}: wanted a whole number above 0, got '{}'", key, word);
  return n;
}

void pipeline_option(Request& r, const std::string& key, const std::string& value) {
  if (key == "stages")
    r.stages = number(key, value);
  else if (key == "data")
    r.stage_devices = number(key, value);
  else if (key == "microbatches")
    r.microbatches = number(key, value);
  else if (key == "schedule" && (value == "1f1b" || value == "gpipe"))
    r.schedule = value;
  else
    throw base::user_error(
        "[planner] pipeline has no option {}={}; try stages=, data=, microbatches=, schedule=1f1b or gpipe",
        key, value);
}

void complete_pipeline(Request& r, int devices) {
  if (r.stages == 0) r.stages = devices / std::max(1, r.stage_devices);
  if (r.stage_devices == 0) r.stage_devices = std::max(1, devices / std::max(1, r.stages));
  if (r.stages * r.stage_devices != devices)
    throw base::user_error("[planner] pipeline: wanted stages x data = {} devices, got {} x {}", devices,
                           r.stages, r.stage_devices);
}

Request parse(const PlannerOptions& options, int devices) {
  const auto colon = options.name.find(':');
  const std::string head = options.name.substr(0, colon);
  const auto names = planner_names();
  if (std::find(names.begin(), names.end(), head) == names.end()) {
    std::string all;
    for (const auto& n : names) all += (all.empty() ? "" : ", ") + n;
    throw base::user_error("[planner] no planner '{}'; there are {}", head, all);
  }
  Request r;
  r.microbatches = options.microbatches;
  if (head != "pipeline") {
    if (colon != std::string::npos)
      throw base::user_error("[planner] {} takes no options, got '{}'", head, options.name.substr(colon + 1));
    r.single = head == "single";
    if (head != "auto") r.stages = 1;
    if (head != "auto" && !r.single) r.restriction = head, r.stage_devices = devices;
    return r;
  }
  r.restriction = "data";
  std::string rest = colon == std::string::npos ? "" : options.name.substr(colon + 1);
  while (!rest.empty()) {
    const auto comma = rest.find(',');
    const std::string part = rest.substr(0, comma);
    const auto equals = part.find('=');
    if (equals == std::string::npos)
      throw base::user_error("[planner] pipeline: wanted KEY=VALUE, got '{}'", part);
    pipeline_option(r, part.substr(0, equals), part.substr(equals + 1));
    rest = comma == std::string::npos ? "" : rest.substr(comma + 1);
  }
  complete_pipeline(r, devices);
  return r;
}

// Numbers of microbatches that the step can be had for, fewest first.
std::vector<int> microbatch_counts(const step::TrainStep& step, int fixed) {
  std::vector<int> out;
  for (const int64_t size : step.microbatch_sizes)
    if (size > 0 && step.batch % size == 0) out.push_back(static_cast<int>(step.batch / size));
  std::sort(out.begin(), out.end());
  if (fixed == 0) return out;
  if (std::find(out.begin(), out.end(), fixed) == out.end()) {
    std::string all;
    for (const int m : out) all += (all.empty() ? "" : ", ") + std::to_string(m);
    throw base::user_error("[planner] wanted one of {} microbatches for a batch of {}, got {}", all,
                           step.batch, fixed);
  }
  return {fixed};
}

// What a plan is looked for in.
struct Search {
  const step::TrainStep& step;
  const cluster::Cluster& cluster;
  const Request& request;
  const PlannerOptions& options;
  StageSolver::Cache& cache;
  PlannerLog& log;

  int devices() const { return request.single ? 1 : cluster.num_devices(); }
};

// The best plan with that many microbatches; nothing where none fits, or none takes less than `at_most`
// seconds. `least`: what is proven of all of them, in seconds.
std::optional<plan::Plan> plan_for(const Search& in, int microbatches, double limit, double at_most,
                                   double& least) {
  const auto& [step, cluster, request, options, cache, log] = in;
  const auto joint = step::build_joint(step, microbatches);
  plan::Plan p;
  auto layers = step_layers(joint, options.layers, cluster.num_devices());
  p.layers = std::move(layers.of_op), p.num_layers = layers.count;
  StageSolver solver(joint, p.layers, p.num_layers, cluster, request.restriction, limit, cache, log);
  StageProblem problem;
  problem.layers = p.num_layers;
  problem.devices = in.devices();
  problem.devices_per_host = request.single ? 1 : cluster.devices_per_host;
  problem.cores_shared_by = request.single ? 1 : cluster.cores_shared_by;
  problem.microbatches = microbatches;
  problem.all_in_flight = request.schedule == "gpipe";
  problem.allow_idle = options.allow_idle;
  if (request.stages > 0) problem.min_stages = problem.max_stages = request.stages;
  const auto wrong_size = [&](const StageKey& k) {
    return request.stage_devices > 0 && k.devices != request.stage_devices;
  };
  // A stage may fit alone, but not beside the others, of whose parameters it may hold copies: then it is
  // none.
  std::set<StageKey> misfits;
  const auto is_none = [&](const StageKey& k) { return wrong_size(k) || misfits.contains(k); };
  problem.bound = [&](const StageKey& k) { return is_none(k) ? kNever : solver.bound(k); };
  problem.exact = [&](const StageKey& k, double below) {
    return is_none(k) ? kNever : solver.seconds(k, below);
  };
  problem.at_most = at_most;
  problem.proven = [&](const StageKey& k) { return wrong_size(k) ? kNever : solver.proven(k); };
  p.microbatches = microbatches;
  while (const auto solution = cut_stages(problem, &least)) {
    plan::Plan whole = p;
    whole.schedule = solution->stages.size() == 1 ? "single" : request.schedule;
    whole.step = base::Seconds(solution->seconds);
    const auto misfit = solver.fill(whole, solution->stages);
    if (!misfit) return whole;
    misfits.insert(solution->stages[*misfit]);
  }
  return std::nullopt;
}

// The least peak, in bytes of a device, that was found with that many microbatches: of cuttings into equal
// parts, layers and devices, each sharded for memory alone. INT64_MAX where there is none.
int64_t least_peak(const Search& in, int microbatches) {
  const auto& [step, cluster, request, options, cache, log] = in;
  const auto joint = step::build_joint(step, microbatches);
  const auto [layer, layers] = step_layers(joint, options.layers, cluster.num_devices());
  StageSolver solver(joint, layer, layers, cluster, request.restriction, 1e18, cache, log);
  int64_t least = INT64_MAX;
  for (int n = 1; n <= std::min(layers, in.devices()); ++n) {
    const int size = in.devices() / n;
    const auto sizes = submesh_sizes(in.devices(), cluster.devices_per_host);
    if (in.devices() % n != 0 || (request.stages > 0 && n != request.stages)) continue;
    if (std::find(sizes.begin(), sizes.end(), size) == sizes.end()) continue;
    int64_t most = 0;
    for (int s = 0; s < n && most < least; ++s) {
      const int in_flight = request.schedule == "gpipe" ? microbatches : std::min(n - s, microbatches);
      most = std::max(most,
                      solver.least_peak({s * layers / n, (s + 1) * layers / n, s * size, size, in_flight}));
    }
    least = std::min(least, most);
  }
  return least;
}

// Nothing fits: by how much, and the nearest limit that is known to do.
base::Error does_not_fit(const Search& in, const std::vector<int>& microbatches, const plan::Plan& fastest,
                         double limit) {
  double least = fastest.peak_memory.value;
  for (const int m : microbatches) try {
      if (const int64_t peak = least_peak(in, m); static_cast<double>(peak) > limit)
        least = std::min(least, static_cast<double>(peak));
    } catch (const base::Error& e) {
      if (e.kind() != base::ErrorKind::kUser) throw;  // a microbatch that the devices don't divide
    }
  const base::Bytes need(least);
  return base::Error(
      base::ErrorKind::kInfeasible,
      fmt::format("[planner] no plan fits {} a device: the fastest needs {}, the smallest {}, {} more; "
                  "--memory-limit {:.0f} would fit",
                  base::to_string(base::Bytes(limit)), base::to_string(fastest.peak_memory),
                  base::to_string(need), base::to_string(need - base::Bytes(limit)), std::ceil(need.value)));
}

}  // namespace

std::vector<std::string> planner_names() {
  return {"auto", "single", "data", "zero-2", "zero-3", "tensor", "pipeline"};
}

plan::Plan plan(const step::TrainStep& step, const cluster::Cluster& cluster, const PlannerOptions& options,
                PlannerLog* log) {
  PlannerLog own;
  PlannerLog& notes = log ? *log : own;
  const Request request = parse(options, cluster.num_devices());
  const double limit =
      options.memory_limit.value > 0 ? options.memory_limit.value : cluster.device.memory.value;
  StageSolver::Cache cache;
  std::optional<plan::Plan> best;
  std::optional<base::Error> refused;
  const Search search{step, cluster, request, options, cache, notes};
  const auto counts = microbatch_counts(step, request.microbatches);
  double least = kNever;
  const auto try_all = [&](double bytes) {
    for (const int m : counts) try {
        double least_of_these = kNever;
        auto found = plan_for(search, m, bytes, best ? best->step.value : kNever, least_of_these);
        least = std::min(least, least_of_these);
        if (found && (!best || found->step < best->step)) best = std::move(found);
      } catch (const base::Error&
                   e) {  // a microbatch that the devices don't divide; fewer, larger ones came first
        if (e.kind() != base::ErrorKind::kUser) throw;
        if (!refused) refused = e;
      }
  };
  try_all(limit);
  if (!best) {
    try_all(1e18);
    if (!best && refused) throw *refused;
    if (!best)
      throw base::Error(
          base::ErrorKind::kInfeasible,
          "[planner] no cutting of this model uses every device; try --allow-idle or fewer devices");
    throw does_not_fit(search, counts, *best, limit);
  }
  plan::Plan out = std::move(*best);
  // Costs are whole picoseconds: what is left below a billionth is rounding.
  const double gap = out.step.value > 0 ? 1 - least / out.step.value : 0;
  out.gap = gap > 1e-9 ? gap : 0;
  out.model = step.name;
  out.model_hash = step::model_hash(step);
  out.cluster = cluster;
  out.planner = options.name;
  return out;
}

}  // namespace cordata::planner
