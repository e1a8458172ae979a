// SPDX-License-Identifier: Apache-2.0
#include "cordata/planner/planner.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <limits>
#include <map>
#include <memory>
#include <numeric>
#include <optional>
#include <set>

#include "cordata/base/error.h"
#include "cordata/cost/op_time.h"
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
constexpr double kUnlimited = 1e18;                                               // bytes
constexpr std::string_view kObjectives[] = {"time", "memory", "cost-per-token"};  // by Objective
constexpr step::Remat kEveryRemat[] = {step::Remat::kNone, step::Remat::kSelective, step::Remat::kLayer};

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
  if (!options.schedule.empty()) r.schedule = options.schedule;
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
  // What a second on that many devices counts in the objective.
  double weight(int used) const { return options.objective == Objective::kCostPerToken ? used : 1; }
};

// Numbers of devices that plans may use, fewest first. Of a large step only those that a stage may have.
std::vector<int> device_counts(const Search& in, bool large) {
  const int all = in.devices();
  if (in.options.objective != Objective::kCostPerToken || in.request.stages > 0) return {all};
  if (large) return submesh_sizes(all, in.cluster.devices_per_host);
  std::vector<int> out(all);
  std::iota(out.begin(), out.end(), 1);
  return out;
}

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
  out.time = &in.log.time;
  return out;
}

// Of a device's memory, what plans of large steps may hold by the planner's count where no limit is asked
// for: it leaves out messages under way, buffers of collectives, and what allocators lose between their
// blocks.
constexpr double kUsable = 0.93;

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

// The joint step with the number of microbatches that a large one's plan is looked for with first; nothing
// where it isn't large.
std::optional<step::JointStep> large_joint(const Search& in, const std::vector<int>& counts) {
  if (!in.request.restriction.empty() || in.request.single) return std::nullopt;
  auto joint = step::build_joint(in.step, counts[first_looked_at(counts.size())]);
  return too_many_stages(joint, in.cluster, in.options) ? std::optional(std::move(joint)) : std::nullopt;
}

bool not_asked(const Search& in, const StageKey& k) {
  return (in.request.stage_devices > 0 && k.devices != in.request.stage_devices) ||
         !allowed(in.request.fixes, k);
}

// The best plan with that many microbatches on the first `devices`; nothing where none fits, or none takes
// less than `at_most` seconds. `least`: what is proven of all of them, in seconds.
std::optional<plan::Plan> plan_for(const Search& in, Layered& model, int devices, double at_most,
                                   double& least) {
  auto& solver = model.solver;
  plan::Plan p;
  p.layers = model.layers.of_op, p.num_layers = model.layers.count, p.remat = model.remat;
  StageProblem problem = on_devices(cuttings(in, model.layers.count, model.joint.microbatches), devices);
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

// The least peak with any of those numbers of microbatches; infinity where no cutting uses every device.
double least_peak(const Search& in, std::vector<int> microbatches) {
  double least = kNever;
  std::optional<base::Error> refused;
  std::reverse(microbatches.begin(), microbatches.end());  // small ones first: they need least, mostly
  for (const int m : microbatches) try {
      least = least_peak(in, m, least);
    } catch (const base::Error& e) {
      if (e.kind() != base::ErrorKind::kUser) throw;  // a microbatch that the devices don't divide
      refused = e;                                    // at last that of the largest
    }
  if (least == kNever && refused) throw *refused;
  return least;
}

base::Error infeasible(const std::string& text) { return base::Error(base::ErrorKind::kInfeasible, text); }

// Nothing fits: by how much, and the nearest limit that does.
base::Error does_not_fit(const Search& in, const std::vector<int>& microbatches) try {
  if (in.log.time.stopped()) throw TimeIsOver();
  const double least = least_peak(in, microbatches);
  if (least == kNever)
    return infeasible(
        "[planner] no cutting of this model uses every device; try --allow-idle or fewer devices");
  if (!in.places.equal_limits())
    return infeasible(fmt::format(
        "[planner] no plan fits {} a device: the smallest needs {:.1f} % of some device's memory; "
        "try more devices, or more memory where there is least",
        in.places.limits(), 100 * least / in.places.least_limit()));
  const double limit = in.places.least_limit();
  const base::Bytes need(least);
  return infeasible(fmt::format(
      "[planner] no plan fits {} a device: the smallest needs {}, {} more; --memory-limit {:.0f} would fit",
      base::to_string(base::Bytes(limit)), base::to_string(need), base::to_string(need - base::Bytes(limit)),
      std::ceil(need.value)));
} catch (const TimeIsOver&) {
  return infeasible(fmt::format(
      "[planner] no plan was found within the time limit of {}; try a longer --time-limit, or none",
      base::to_string(in.options.time_limit)));
}

// Device-seconds that no step with that many microbatches takes less than: all its ops at full speed.
double least_work(const Search& in, int microbatches) {
  const auto joint = step::build_joint(in.step, microbatches);
  std::vector<double> least(joint.phase.size(), kNever);  // by op: on the device that is fastest for it
  for (const int kind : in.cluster.kinds_in(0, in.cluster.num_devices())) {
    const auto times = cost::op_times(joint.graph, in.cluster.device_at(kind));
    for (size_t i = 0; i < least.size(); ++i) least[i] = std::min(least[i], times[i].least());
  }
  double seconds = 0;
  for (size_t i = 0; i < least.size(); ++i)
    seconds += least[i] * (joint.phase[i] == step::Phase::kApply ? 1 : microbatches);
  return seconds;
}

// A plan, and what is proven of all: no step times the weight of its devices is less.
struct Found {
  std::optional<plan::Plan> plan;
  double least = kNever;
};

int devices_of(const plan::Plan& plan) {
  size_t sum = 0;
  for (const auto& s : plan.stages) sum += s.ranks.size();
  return static_cast<int>(sum);
}

Found best_within(const Search& in, const std::vector<int>& counts) {
  Found best;
  const auto large = large_joint(in, counts);
  const auto devices = device_counts(in, large.has_value());
  if (large) {
    const LargeStep step{
        in.step,
        in.cluster,
        [&](int layers, int m) { return cuttings(in, layers, m); },
        in.limit == 0 && in.places.equal_limits() ? kUsable * in.places.least_limit() : in.limit,
        in.options,
        in.request.schedule,
        in.request.fixes,
        in.cache,
        in.log,
        devices,
        [&](int used) { return in.weight(used); },
        *large};
    best.plan = plan_large(step, counts, &best.least);
    if (best.plan) best.least *= in.weight(devices_of(*best.plan));
    return best;
  }
  double lowest = kNever;  // value so far
  const auto unproven = [&](int m) { return least_work(in, m) * in.weight(devices.back()) / devices.back(); };
  const auto look_at = [&](int m) {
    Layered model(in, m, in.limit);
    for (const int n : devices) {
      in.log.time.check();
      double least = kNever;
      auto found = plan_for(in, model, n, lowest / in.weight(n), least);
      best.least = std::min(best.least, least > 0 ? least * in.weight(n) : unproven(m));
      if (!found) continue;
      lowest = found->step.value * in.weight(n);
      best.plan = std::move(found);
      in.say(fmt::format("best so far: {} a step, {} stages, {} microbatches",
                         base::to_string(best.plan->step), best.plan->stages.size(), m));
    }
  };
  for (const int m : counts) try {
      in.log.time.check();
      look_at(m);
    } catch (const base::Error& e) {
      if (e.kind() != base::ErrorKind::kUser) throw;  // a microbatch that the devices don't divide
    } catch (const TimeIsOver&) {
      best.least = std::min(best.least, unproven(m));
    }
  return best;
}

constexpr double kNear = 0.98;  // of the least memory that a large step was found to need

// Large steps: plans within less and less, until nothing is found a little below the best.
Found of_less_memory(const Search& in, const std::vector<int>& counts) {
  Found best = best_within(in, counts);
  double none = 0;  // within as much nothing was found
  while (!in.log.time.stopped() && none < kNear * best.plan->peak_memory.value) {
    const double peak = best.plan->peak_memory.value, most = none == 0 ? 0.8 * peak : (none + peak) / 2;
    const Places within(in.cluster, most);
    try {
      best =
          best_within({in.step, in.cluster, in.request, in.options, within, most, in.cache, in.log}, counts);
      in.say(fmt::format("least memory so far: {} a device", base::to_string(best.plan->peak_memory)));
    } catch (const base::Error& e) {
      if (e.kind() != base::ErrorKind::kInfeasible) throw;
      none = most;
    } catch (const TimeIsOver&) {
    }
  }
  return best;
}

// The fastest of the plans whose fullest device holds least, each with the same computed again by all layers.
Found of_least_memory(const Search& in, const std::vector<int>& counts) {
  if (!in.places.equal_limits())
    throw base::user_error(
        "[planner] --objective memory: wanted devices of equal memory, got {}; try --memory-limit",
        in.places.limits());
  if (large_joint(in, counts)) return of_less_memory(in, counts);
  PlannerOptions options = in.options;
  const Search same{in.step, in.cluster, in.request, options, in.places, in.limit, in.cache, in.log};
  double least = kNever;
  std::optional<step::Remat> best;
  for (const auto remat : kEveryRemat) {
    if (in.options.remat && *in.options.remat != remat) continue;
    options.remat = remat;
    const double peak = least_peak(same, counts);
    if (peak < least) least = peak, best = remat;
  }
  if (!best || least > in.places.least_limit()) throw does_not_fit(in, counts);
  options.remat = best;
  in.say(fmt::format("least memory: {} a device", base::to_string(base::Bytes(least))));
  // A stage's choice that was found for memory alone is found again under a limit, but for rare cases.
  for (double most = std::ceil(least);; most *= 1.01) {
    const Places within(in.cluster, most);
    auto found =
        best_within({in.step, in.cluster, in.request, options, within, most, in.cache, in.log}, counts);
    if (found.plan || most > in.places.least_limit() || in.log.time.stopped()) return found;
  }
}

plan::Objective value_of(const Search& in, const plan::Plan& plan) {
  const std::string name(planner::name(in.options.objective));
  if (in.options.objective == Objective::kMemory) return {name, plan.peak_memory.value, "bytes a device"};
  if (in.options.objective == Objective::kTime) return {name, plan.step.value, "s a step"};
  const std::string unit = in.step.unit.substr(0, in.step.unit.size() - in.step.unit.ends_with('s'));
  const double seconds =
      plan.step.value * devices_of(plan) / static_cast<double>(in.step.batch * in.step.units_per_sample);
  const auto& price = in.cluster.price;
  if (!price) return {name, seconds, "device-seconds a " + unit};
  return {name, seconds * price->per_device_hour / 3600, fmt::format("{} a {}", price->currency, unit)};
}

}  // namespace

std::string_view name(Objective objective) { return kObjectives[static_cast<size_t>(objective)]; }

std::optional<Objective> objective_named(std::string_view word) {
  for (size_t i = 0; i < std::size(kObjectives); ++i)
    if (kObjectives[i] == word) return static_cast<Objective>(i);
  return std::nullopt;
}

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
  const Search search{step, cluster, request, options, places, limit, cache, notes};
  if (options.time_limit.value > 0) notes.time.start(options.time_limit);
  const auto counts = microbatch_counts(step, request.microbatches);
  Found found;
  try {
    found = options.objective == Objective::kMemory ? of_least_memory(search, counts)
                                                    : best_within(search, counts);
  } catch (const TimeIsOver&) {
  }
  if (!found.plan) throw does_not_fit(search, counts);
  plan::Plan out = std::move(*found.plan);
  const double value = out.step.value * search.weight(devices_of(out));
  // Costs are whole picoseconds: what is left below a billionth is rounding.
  const double gap = value > 0 ? 1 - found.least / value : 0;
  out.gap = gap > 1e-9 ? gap : 0;
  out.objective = value_of(search, out);
  if (notes.time.stopped())
    out.notes.push_back(
        fmt::format("planning was stopped by its time limit of {}: the best plan until then, not "
                    "all were looked at",
                    base::to_string(options.time_limit)));
  out.model = step.name;
  out.model_hash = step::model_hash(step);
  out.cluster = cluster;
  out.planner = options.name;
  for (const Fix& fix : request.fixes) out.planner += "; fixed: " + fix.words;
  return out;
}

}  // namespace cordata::planner
