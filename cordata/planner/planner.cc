// SPDX-License-Identifier: Apache-2.0
#include "cordata/planner/planner.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <limits>
#include <map>
#include <memory>
#include <optional>
#include <set>

#include "cordata/base/error.h"
#include "cordata/ir/op_table.h"
#include "cordata/planner/fixes.h"
#include "cordata/planner/inter_op/stages.h"
#include "cordata/planner/large_step.h"
#include "cordata/planner/layers/step_layers.h"
#include "cordata/planner/places.h"
#include "cordata/planner/stage_solver.h"

namespace cordata::planner {
namespace {

constexpr double kNever = std::numeric_limits<double>::infinity();
constexpr double kUnlimited = 1e18;  // bytes

// A planner's name taken apart.
struct Request {
  std::string restriction;  // of the intra-op problem, or ""
  int stages = 0;           // 0: any
  int stage_devices = 0;    // 0: any
  int microbatches = 0;
  std::string schedule = "1f1b";
  bool single = false;
  std::vector<Fix> fixes;
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
  r.fixes = parse_fixes(options.fixes);
  if (!r.fixes.empty() && head != "auto")
    throw base::user_error("[planner] --fix is for --planner auto, got {}", options.name);
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
  const Places& places;
  double limit;  // bytes of each device; 0: what each has
  StageSolver::Cache& cache;
  PlannerLog& log;

  void say(const std::string& words) const {
    if (log.say) log.say(words);
  }
  int devices() const { return request.single ? 1 : cluster.num_devices(); }
};

// One number of microbatches: the step cut into layers, and its stages' costs.
struct Layered {
  Layered(const Search& in, int microbatches, double limit)
      : base(step::build_joint(in.step, microbatches)),
        layers(step_layers(base, in.options.layers, in.cluster.num_devices())),
        remat(in.options.remat.value_or(step::Remat::kNone) == step::Remat::kNone
                  ? std::vector<step::Remat>()
                  : std::vector(layers.count, *in.options.remat)),
        planned(step::rematerialise(base, layers.of_op, remat)),
        joint(planned.joint),
        solver(joint, planned.layers, layers.count, in.cluster, 
               StageSolver::Asked{in.request.restriction, in.request.fixes}, limit, in.cache, in.log) {
    check_fixes(in.request.fixes, layers.count, in.cluster.num_devices());
  }

  const step::JointStep base;
  const StepLayers layers;  // of the base step
  const std::vector<step::Remat> remat;
  const step::RematStep planned;
  const step::JointStep& joint;
  StageSolver solver;
};

// The cuttings that are asked for.
StageProblem cuttings(const Search& in, int layers, int microbatches) {
  StageProblem out;
  out.layers = layers;
  out.devices = in.devices();
  out.devices_per_host = in.request.single ? 1 : in.cluster.devices_per_host;
  out.cores_shared_by = in.request.single ? 1 : in.cluster.cores_shared_by;
  out.microbatches = microbatches;
  out.all_in_flight = in.request.schedule == "gpipe";
  out.allow_idle = in.options.allow_idle;
  if (in.request.stages > 0) out.min_stages = out.max_stages = in.request.stages;
  const bool anywhere = in.request.fixes.empty();
  out.alike = [&places = in.places, anywhere](int first, int devices) {
    return anywhere ? places.alike(first, devices) : first;
  };
  return out;
}

// Ops times stages that there are to choose from, above which stages are estimated first and not all solved.
constexpr double kManyStages = 3e5;

bool too_many_stages(const step::JointStep& joint, const cluster::Cluster& cluster,
                     const PlannerOptions& options) {
  const double layers = step_layers(joint, options.layers, cluster.num_devices()).count;
  const double sizes =
      static_cast<double>(submesh_sizes(cluster.num_devices(), cluster.devices_per_host).size());
  const double ops_of_one = static_cast<double>(joint.graph.ops().size()) / layers;
  return layers * (layers + 1) / 2 * sizes * ops_of_one > kManyStages;
}

bool not_asked(const Search& in, const StageKey& k) {
  return (in.request.stage_devices > 0 && k.devices != in.request.stage_devices) ||
         !allowed(in.request.fixes, k);
}

// The best plan with that many microbatches; nothing where none fits, or none takes less than `at_most`
// seconds. `least`: what is proven of all of them, in seconds.
std::optional<plan::Plan> plan_for(const Search& in, Layered& model, double at_most, double& least) {
  auto& solver = model.solver;
  plan::Plan p;
  p.layers = model.layers.of_op, p.num_layers = model.layers.count, p.remat = model.remat;
  StageProblem problem = cuttings(in, model.layers.count, model.joint.microbatches);
  // A stage may fit alone, but not beside the others, of whose parameters it may hold copies: then it is
  // none.
  std::set<StageKey> misfits;
  const auto is_none = [&](const StageKey& k) {
    return not_asked(in, k) || solver.peak_bound(k) > in.places.limit(k.first_device, k.devices) ||
           misfits.contains(k);
  };
  problem.bound = [&](const StageKey& k) { return is_none(k) ? kNever : solver.bound(k); };
  problem.exact = [&](const StageKey& k, double below) {
    return is_none(k) ? kNever : solver.seconds(k, below);
  };
  problem.at_most = at_most;
  problem.proven = [&](const StageKey& k) { return not_asked(in, k) ? kNever : solver.proven(k); };
  p.microbatches = model.joint.microbatches;
  while (const auto solution = cut_stages(problem, &least)) {
    plan::Plan whole = p;
    whole.schedule = solution->stages.size() == 1 ? "single" : in.request.schedule;
    whole.step = base::Seconds(solution->seconds);
    const auto misfit = solver.fill(whole, solution->stages);
    if (!misfit) return whole;
    StageKey none = solution->stages[*misfit];
    none.first_device = problem.alike(none.first_device, none.devices);
    misfits.insert(none);
  }
  return std::nullopt;
}

// The least peak of all cuttings with that many microbatches, each stage sharded for memory alone, if it is
// below `below`; else that. In bytes of the smallest device; of others, as large a part of what they may
// hold.
double least_peak(const Search& in, int microbatches, double below) {
  Layered model(in, microbatches, kUnlimited);
  auto& solver = model.solver;
  const auto scale = [&](const StageKey& k) {
    return in.places.limit(k.first_device, k.devices) / in.places.least_limit();
  };
  StageProblem problem = cuttings(in, model.layers.count, model.joint.microbatches);
  std::map<StageKey, double> beside;  // what a stage was seen to need beside others, if that is more
  problem.bound = [&](const StageKey& k) {
    const auto seen = beside.find(k);
    const double least = seen == beside.end() ? 0 : seen->second;
    return not_asked(in, k) ? kNever : std::max(least, solver.peak_bound(k) / scale(k));
  };
  std::map<StageKey, double> alone;
  problem.exact = [&](const StageKey& k, double most) {
    const auto [it, fresh] = alone.try_emplace(k, 0.0);
    if (fresh) it->second = solver.least_peak(k, most * scale(k)) / scale(k);
    return it->second;
  };
  while (true) {
    problem.at_most = below;
    const auto found = cut_least_most(problem);
    if (!found) return below;
    auto peaks = solver.least_peaks(found->stages);
    for (size_t s = 0; s < peaks.size(); ++s) peaks[s] /= scale(found->stages[s]);
    const double most = *std::max_element(peaks.begin(), peaks.end());
    below = std::min(below, most);
    if (most <= found->seconds) return below;
    for (size_t s = 0; s < peaks.size(); ++s)
      if (peaks[s] > found->seconds) {
        StageKey key = found->stages[s];
        key.first_device = problem.alike(key.first_device, key.devices);
        beside[key] = peaks[s];
      }
  }
}

// Nothing fits: by how much, and the nearest limit that does.
base::Error does_not_fit(const Search& in, std::vector<int> microbatches) {
  double least = kNever;
  std::optional<base::Error> refused;
  std::reverse(microbatches.begin(), microbatches.end());  // small ones first: they need least, mostly
  for (const int m : microbatches) try {
      least = least_peak(in, m, least);
    } catch (const base::Error& e) {
      if (e.kind() != base::ErrorKind::kUser) throw;  // a microbatch that the devices don't divide
      refused = e;                                    // at last that of the largest
    }
  if (least == kNever && refused) return *refused;
  if (least == kNever)
    return base::Error(
        base::ErrorKind::kInfeasible,
        "[planner] no cutting of this model uses every device; try --allow-idle or fewer devices");
  if (!in.places.equal_limits())
    return base::Error(
        base::ErrorKind::kInfeasible,
        fmt::format(
            "[planner] no plan fits {} a device: the smallest needs {:.1f} % of some device's memory; "
            "try more devices, or more memory where there is least",
            in.places.limits(), 100 * least / in.places.least_limit()));
  const double limit = in.places.least_limit();
  const base::Bytes need(least);
  return base::Error(
      base::ErrorKind::kInfeasible,
      fmt::format("[planner] no plan fits {} a device: the smallest needs {}, {} more; --memory-limit {:.0f} "
                  "would fit",
                  base::to_string(base::Bytes(limit)), base::to_string(need),
                  base::to_string(need - base::Bytes(limit)), std::ceil(need.value)));
}

}  // namespace

std::vector<std::string> planner_names() {
  return {"auto", "single", "data", "zero-2", "zero-3", "tensor", "pipeline"};
}

StepLayers layers_of(const step::JointStep& joint, const cluster::Cluster& cluster) {
  return step_layers(joint, 0, cluster.num_devices(), too_many_stages(joint, cluster, {}));
}

plan::Plan plan(const step::TrainStep& step, const cluster::Cluster& cluster, const PlannerOptions& options,
                PlannerLog* log) {
  PlannerLog own;
  PlannerLog& notes = log ? *log : own;
  const Request request = parse(options, cluster.num_devices());
  const double limit = options.memory_limit.value;
  const Places places(cluster, limit);
  StageSolver::Cache cache;
  std::optional<plan::Plan> best;
  const Search search{step, cluster, request, options, places, limit, cache, notes};
  const auto counts = microbatch_counts(step, request.microbatches);
  double least = kNever;
  const auto look_at = [&](Layered& model) {
    double least_of_these = kNever;
    auto found = plan_for(search, model, best ? best->step.value : kNever, least_of_these);
    least = std::min(least, least_of_these);
    if (found && (!best || found->step < best->step)) best = std::move(found);
  };
  const bool any_stages = request.restriction.empty() && !request.single;
  if (any_stages && too_many_stages(step::build_joint(step, counts.back()), cluster, options)) {
    const LargeStep large{step,  cluster, [&](int layers, int m) { return cuttings(search, layers, m); },
                          limit, options, request.schedule, request.fixes,
                          cache, notes};
    best = plan_large(large, counts, &least);
  } else {
    for (const int m : counts) try {
        Layered model(search, m, limit);
        look_at(model);
      } catch (const base::Error& e) {
        if (e.kind() != base::ErrorKind::kUser) throw;  // a microbatch that the devices don't divide
      }
  }
  if (!best) throw does_not_fit(search, counts);
  plan::Plan out = std::move(*best);
  // Costs are whole picoseconds: what is left below a billionth is rounding.
  const double gap = out.step.value > 0 ? 1 - least / out.step.value : 0;
  out.gap = gap > 1e-9 ? gap : 0;
  out.model = step.name;
  out.model_hash = step::model_hash(step);
  out.cluster = cluster;
  out.planner = options.name;
  for (const Fix& fix : request.fixes) out.planner += "; fixed: " + fix.words;
  return out;
}

}  // namespace cordata::planner
