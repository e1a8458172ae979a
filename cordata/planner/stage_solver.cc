// SPDX-License-Identifier: Apache-2.0
#include "cordata/planner/stage_solver.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <set>
#include <utility>

#include "cordata/base/error.h"
#include "cordata/base/parallel.h"
#include "cordata/cost/meshes.h"
#include "cordata/cost/op_time.h"
#include "cordata/ir/op_table.h"
#include "cordata/planner/baselines/restrictions.h"
#include "cordata/planner/intra_op/describe.h"
#include "cordata/planner/intra_op/limited.h"
#include "cordata/planner/intra_op/local_time.h"
#include "cordata/planner/intra_op/minimise.h"
#include "cordata/planner/intra_op/peak.h"
#include "cordata/planner/intra_op/solve.h"

namespace cordata::planner {
namespace {

constexpr double kNever = std::numeric_limits<double>::infinity();

// A choice's cost by pass: a node's is its own, an edge's its reader's (an argument that reads its new value:
// the maker's).
void split(const BuiltProblem& built, StageSolver::Solved& s, int microbatches) {
  using Kind = BuiltProblem::Node::Kind;
  const auto add = [&](const step::Pass& pass, int64_t cost) {
    const double seconds = static_cast<double>(cost) * 1e-12;
    if (pass.phase == step::Phase::kForward)
      s.forward += seconds / microbatches;
    else if (pass.phase == step::Phase::kApply)
      s.apply += seconds;
    else
      s.backward += seconds / microbatches;
  };
  for (size_t n = 0; n < built.nodes.size(); ++n)
    add(built.nodes[n].pass, built.problem.nodes[n].cost[s.choice[n]]);
  for (const auto& e : built.problem.edges) {
    const auto& reader = built.nodes[e.v];
    const bool passes = reader.kind == Kind::kOp || reader.kind == Kind::kHub;
    add((passes ? reader : built.nodes[e.u]).pass,
        e.cost[s.choice[e.u] * built.problem.nodes[e.v].cost.size() + s.choice[e.v]]);
  }
}

// Nothing where all is free.
Restriction limits(const std::vector<std::string>& by_axis, const StageView& stage,
                   const sharding::Mesh& mesh) {
  const bool free = std::all_of(by_axis.begin(), by_axis.end(), [](const auto& w) { return w == "free"; });
  return free ? Restriction() : restriction(by_axis, stage, mesh);
}

std::vector<size_t> all_views(int devices) {
  std::vector<size_t> out(cost::logical_views(devices).size());
  std::iota(out.begin(), out.end(), size_t{0});
  return out;
}

std::vector<int> three_parts(int num_layers, const StageKey& key, int& mine) {
  std::vector<int> out;
  mine = key.first_layer > 0 ? 1 : 0;
  for (int l = 0; l < num_layers; ++l)
    out.push_back(l < key.first_layer ? 0 : l < key.last_layer ? mine : mine + 1);
  return out;
}

std::string source_of(double measured) {
  return measured > 0 ? fmt::format("modelled, {:.0f} % of its computing by ops as measured", 100 * measured)
                      : "modelled";
}

}  // namespace

StageSolver::StageSolver(const step::JointStep& joint, const step::Layers& layers, int num_layers,
                         const cluster::Cluster& cluster, Asked asked, double limit, Cache& cache,
                         PlannerLog& log, std::vector<int> base_op, WholeStep whole)
    : joint_(joint),
      layers_(layers),
      num_layers_(num_layers),
      cluster_(cluster),
      asked_(std::move(asked)),
      places_(cluster, limit),
      cache_(cache),
      log_(log),
      base_op_(base_op),
      parts_(joint, layers, num_layers, cluster, asked_.fixes, joint_batch_, std::move(base_op),
             std::move(whole)) {
  if (!restricted()) return;
  const auto cut = step::cut(joint, layers, std::vector<int>(num_layers, 0));
  // The cut has its own order of arguments and its own numbers of values.
  const auto& stage = cut.stages[0];
  const auto batch = batch_dims(describe(stage, cluster, 0, 1, 1, 1, batch_dims_of_args(cut, 0)));
  joint_batch_.resize(joint.graph.num_values());
  for (size_t i = 0; i < stage.graph.ops().size(); ++i) {
    if (stage.origin[i] < 0) continue;
    const auto& here = stage.graph.node(stage.graph.ops()[i]);
    const auto& there = joint.graph.node(joint.graph.ops()[stage.origin[i]]);
    for (int r = 0; r < here.num_results; ++r)
      joint_batch_[there.result(r).index] = batch[here.result(r).index];
  }
}

bool StageSolver::restricted() const {
  return !asked_.restriction.empty() || std::any_of(asked_.fixes.begin(), asked_.fixes.end(),
                                                    [](const Fix& f) { return !f.sharding.empty(); });
}

std::optional<std::vector<std::string>> StageSolver::words(int layer,
                                                           const std::vector<int64_t>& view) const {
  if (const Fix* fix = fix_of(asked_.fixes, layer)) return fix->on_view(view);
  if (asked_.restriction.empty()) return std::vector<std::string>(view.size(), "free");
  if (view.size() > 1) return std::nullopt;  // baselines use one axis
  return std::vector(view.size(), asked_.restriction);
}

const StageSolver::LayerBounds& StageSolver::layer_bounds(const Place& place) {
  if (const auto it = layer_bounds_.find(place); it != layer_bounds_.end()) return it->second;
  LayerBounds out;
  const auto& parts = parts_.of(place.kinds);
  const double slower = cost::slowdown(cluster_, place.devices);
  for (const auto& shape : cost::logical_views(place.devices)) {
    const auto mesh = cost::fastest_mesh(cluster_, shape);
    auto& seconds = out.emplace_back();
    for (int layer = 0; layer < num_layers_; ++layer) {
      log_.time.check();
      const int same = parts_.same()[layer];
      if (same < layer) {
        seconds.push_back(seconds[same]);
        continue;
      }
      auto part = parts[layer];
      for (size_t i = 0; i < part.ops.size(); ++i) {
        auto& op = part.ops[i];
        if (const double least = parts_.least_seconds(layer)[i]; least >= 0)
          op.seconds = std::min(op.seconds, least), op.launch = 0, op.read = {}, op.written = {},
          op.measured = {};
        op.slow_down(slower);
      }
      const int64_t least = quick_bound(build_layer_problem(part, mesh));
      seconds.push_back(static_cast<double>(least) * 1e-12 / joint_.microbatches);
    }
  }
  return layer_bounds_[place] = std::move(out);
}

double StageSolver::view_bound(const StageKey& key, size_t view) {
  const auto& seconds = layer_bounds(place(key))[view];
  double sum = 0;
  for (int l = key.first_layer; l < key.last_layer; ++l) sum += seconds[l];
  return sum * (1 - 1e-6);
}

double StageSolver::bound(const StageKey& key) {
  double least = kNever;
  const auto views = cost::logical_views(key.devices);
  for (size_t v = 0; v < views.size(); ++v)
    if (words(key.first_layer, views[v])) least = std::min(least, view_bound(key, v));
  return least;
}

void StageSolver::prepare() {
  parts_.find();
  peak_bound({});
}

LayerCosts& StageSolver::layer_costs(StageSolver* like) {
  if (!layer_costs_) {
    parts_.find();
    const auto parts = [this](const std::vector<int>& kinds) -> const auto& { return parts_.of(kinds); };
    layer_costs_.emplace(
        parts, parts_.part_of(), parts_.base_ops(), cluster_, log_,
        [this](int layer, const sharding::Mesh& mesh) -> std::optional<Restriction> {
          const auto by_axis = words(layer, mesh.shape);
          if (!by_axis) return std::nullopt;
          try {
            return limits(*by_axis, parts_.any()[layer], mesh);
          } catch (const base::Error& e) {  // a batch that doesn't divide
            if (e.kind() != base::ErrorKind::kUser) throw;
            return std::nullopt;
          }
        },
        like ? &like->layer_costs() : nullptr);
    least_work_ = layer_costs_->least_work();
  }
  return *layer_costs_;
}

LayerCosts::Jobs StageSolver::jobs(const std::vector<StageKey>& keys) {
  return layer_costs().jobs(places(keys));
}

LayerCosts::Jobs StageSolver::jobs_again(const std::vector<StageKey>& keys, bool all) {
  return layer_costs().jobs_again(places(keys), all);
}

std::vector<Place> StageSolver::places(const std::vector<StageKey>& keys) const {
  std::set<Place> out;
  for (const auto& key : keys) out.insert(place(key));
  return {out.begin(), out.end()};
}

std::vector<double> StageSolver::least_work(StageSolver* like) {
  layer_costs(like);
  return least_work_;
}

// As add_transfers counts them, of values that arrive cut over all devices.
double StageSolver::transfer_seconds(const StageKey& key) const {
  const auto arrives = [&](double bytes, int boundary) {
    if (bytes == 0) return 0.0;
    const auto link = cost::boundary_link(cluster_, boundary, key.devices);
    return link.alpha.value + bytes / key.devices / link.bandwidth.value;
  };
  return arrives(parts_.crossing_forward(key.first_layer), key.first_device) +
         arrives(parts_.crossing_backward(key.last_layer), key.first_device + key.devices);
}

double StageSolver::estimate(const StageKey& key) {
  const auto& correct = corrections_[place(key)];
  const auto best = layer_costs().best(key.first_layer, key.last_layer, place(key), key.in_flight,
                                       limit(key) / correct.memory);
  return best.seconds * correct.seconds + transfer_seconds(key);
}

void StageSolver::learn(const StageKey& key, double seconds) {
  auto& correct = corrections_[place(key)];
  const auto guess = layer_costs().best(key.first_layer, key.last_layer, place(key), key.in_flight,
                                        limit(key) / correct.memory);
  if (!std::isfinite(guess.seconds)) return;
  if (std::isfinite(seconds))
    correct.seconds = (seconds - transfer_seconds(key)) / guess.seconds;
  else
    correct.memory *= 1.05;
}

size_t StageSolver::best_by_estimate(const StageKey& key) {
  return layer_costs()
      .best(key.first_layer, key.last_layer, place(key), key.in_flight,
            limit(key) / corrections_[place(key)].memory)
      .view;
}

Restriction StageSolver::given_choices(const step::StageGraph& graph,
                                       const LayerCosts::ByBase& strategies) const {
  Restriction out;
  out.op = [this, &graph, &strategies](const StageView&, int op, const sharding::Strategy& s) {
    const int from = graph.origin[op];
    const auto it = from < 0 ? strategies.end() : strategies.find(base_op_.empty() ? from : base_op_[from]);
    return it == strategies.end() || std::find(it->second.begin(), it->second.end(), s) != it->second.end();
  };
  return out;
}

// Which dims of a stage's arguments count samples: batch inputs by their ports, received values by where they
// were made.
std::vector<int> StageSolver::batch_dims_of_args(const step::Cut& cut, int s) const {
  const auto& stage = cut.stages[s];
  std::vector<int> out(stage.args.size(), -1);
  for (size_t a = 0; a < stage.args.size(); ++a) {
    if (stage.args[a].kind != step::ArgKind::kBatch) continue;
    for (const auto& port : joint_.args)
      if (port.role == step::Role::kBatch && port.index == stage.args[a].index) out[a] = port.batch_dim;
  }
  for (const auto& t : cut.transfers) {
    if (t.to_stage != s || !restricted()) continue;
    const auto& from = cut.stages[t.from_stage];
    const auto value = from.graph.results()[t.from_result];
    const auto def = from.graph.value(value).def;
    if (!def.valid()) continue;
    const auto ops = from.graph.ops();
    const auto place = std::find(ops.begin(), ops.end(), def) - ops.begin();
    if (place >= static_cast<int64_t>(from.origin.size()) || from.origin[place] < 0) continue;
    const auto& node = joint_.graph.node(joint_.graph.ops()[from.origin[place]]);
    const auto& dims = joint_batch_[node.result(from.graph.value(value).index).index];
    for (size_t d = 0; d < std::min(dims.size(), t.type.shape.size()); ++d)
      if (dims[d] && out[t.to_arg] < 0) out[t.to_arg] = static_cast<int>(d);
  }
  return out;
}

// What arrives from other stages costs its local bytes over the link at the stage's edge; devices of a host
// share what comes into it.
void StageSolver::add_transfers(BuiltProblem& built, const step::Cut& cut, int s, const StageView& stage,
                                const StageKey& key, const sharding::Mesh& mesh) const {
  for (const auto& t : cut.transfers) {
    if (t.to_stage != s) continue;
    const int edge = t.from_stage < s ? key.first_device : key.first_device + key.devices;
    const auto link = cost::boundary_link(cluster_, edge, key.devices);
    const bool once =
        t.sent_after.phase == step::Phase::kApply;  // a step: sums, and new values of shared parameters
    const double times = once ? 1 : stage.microbatches;
    for (size_t n = 0; n < built.nodes.size(); ++n) {
      auto& node = built.nodes[n];
      if (node.kind != BuiltProblem::Node::Kind::kArg || node.index != t.to_arg) continue;
      node.pass = once ? step::Pass{step::Phase::kApply, 0} : t.needed_by;
      for (size_t i = 0; i < node.shardings.size(); ++i) {
        const double bytes =
            t.type.is_tensor()
                ? static_cast<double>(sharding::local_type(t.type, node.shardings[i], mesh).num_bytes())
                : 0;
        built.problem.nodes[n].cost[i] +=
            std::llround((link.alpha.value + bytes / link.bandwidth.value) * times * 1e12);
      }
    }
  }
}

StageSolver::View StageSolver::best_view(const step::Cut& cut, int s, const StageKey& key, double below,
                                         const std::vector<size_t>& views, bool in_time) {
  View best;
  best.solved.seconds = kNever;
  double bound = kNever;
  const auto stage = describe(cut.stages[s], cluster_, key.first_device, key.devices, joint_.microbatches,
                              key.in_flight, batch_dims_of_args(cut, s));
  std::string about = fingerprint(stage);
  for (const auto& t : cut.transfers)
    if (t.to_stage == s)
      about += fmt::format("|{},{},{},{}", t.to_arg, t.from_stage < s, static_cast<int>(t.needed_by.phase),
                           static_cast<int>(t.sent_after.phase));
  const int64_t alike =
      int64_t{cluster_.devices_per_host} * (cluster_.racks ? cluster_.racks->hosts_per_rack : 1);
  about += fmt::format("|{},{},{}", key.first_device % alike, key.devices, limit(key));
  const auto shapes = cost::logical_views(key.devices);
  for (const size_t k : views) {
    const auto by_axis = words(key.first_layer, shapes[k]);
    if (!by_axis) continue;
    View v{stage, k, cost::make_mesh(cluster_, key.first_device, shapes[k]), {}, {}};
    const std::string print =
        fmt::format("{}{}|{}", about, sharding::to_string(v.mesh), fmt::join(*by_axis, "/"));
    Solved known = look_up(print);
    if (given_.empty()) known.bound = std::max(known.bound, view_bound(key, k) * joint_.microbatches);
    const double wanted = std::min(below, best.solved.seconds);
    if (!known.settled && known.bound < wanted) {
      if (in_time) log_.time.check();
      v.solved = known;
      v.built = build(v, cut, s, key);
      solve_view(v, wanted, in_time);
      known = v.solved;
      remember(print, known);
    } else {
      v.solved = known;
      const std::scoped_lock lock(shared_);
      ++log_.problems_reused;
    }
    bound = std::min(bound, known.bound);
    if (known.settled && known.seconds < wanted) best = std::move(v);
  }
  best.solved.bound = bound;
  return best;
}

StageSolver::Solved StageSolver::look_up(const std::string& print) {
  const std::scoped_lock lock(shared_);
  return cache_[print];
}

void StageSolver::remember(const std::string& print, const Solved& solved) {
  const std::scoped_lock lock(shared_);
  cache_[print] = solved;
}

BuiltProblem StageSolver::build(const View& view, const step::Cut& cut, int s, const StageKey& key) {
  Restriction wanted;
  if (const auto by_axis = words(key.first_layer, view.mesh.shape))
    wanted = limits(*by_axis, view.stage, view.mesh);
  if (!given_.empty()) wanted = both(given_choices(cut.stages[s], given_[s].strategies), std::move(wanted));
  auto built = build_problem(view.stage, view.mesh, wanted);
  add_transfers(built, cut, s, view.stage, key, view.mesh);
  built.problem.usage_limit = static_cast<int64_t>(limit(key));
  const std::scoped_lock lock(shared_);
  ++log_.problems_built;
  return built;
}

void StageSolver::solve_view(View& view, double below, bool in_time, bool closely) {
  constexpr int kTightenings = 6;
  auto& problem = view.built.problem;
  const int64_t limit = problem.usage_limit;
  SolveOptions options;
  // Problems that are written down are solved for themselves, not only as far as they matter here.
  if (below < kNever && !log_.solved) options.below = static_cast<__int128>(std::ceil(below * 1e12));
  options.closely = closely;
  auto& s = view.solved;
  const auto peak = [&](const std::vector<int>& choice) {
    return peak_bytes(view.built, view.stage, view.mesh, choice);
  };
  Solution solution;
  for (int tries = 0;; ++tries) {
    if (in_time) options.seconds = log_.time.seconds_left();
    solution = solve(problem, options);
    if (in_time) log_.time.check();  // else it may have been given up
    {
      const std::scoped_lock lock(shared_);
      ++log_.problems_solved;
      if (solution.feasible && log_.solved) log_.solved(problem, solution.choice);
    }
    if (tries == 0) {
      s.bound = solution.proven_infeasible
                    ? kNever
                    : std::max(s.bound, static_cast<double>(solution.lower_bound) * 1e-12);
      s.settled = solution.feasible || solution.proven_infeasible || below == kNever;
    }
    if (!solution.feasible) break;
    // The problem doesn't see all that a choice needs: what is more than fits, it gets less of, and more so
    // every time.
    s.peak = peak(solution.choice);
    if (s.peak <= limit) break;
    const int64_t excess = std::min(s.peak - limit, problem.usage_limit) << tries;
    solution.feasible = false;
    if (tries == kTightenings || excess >= problem.usage_limit) break;
    problem.usage_limit -= excess;
  }
  const bool tightened = std::exchange(problem.usage_limit, limit) < limit;
  if (!solution.feasible && tightened) {
    solution.choice = least_usage(problem, std::nullopt, log_.time.at()).choice;
    const auto cost = solution.choice.empty() ? std::nullopt : evaluate(problem, solution.choice);
    if (cost && *cost < options.below) {
      s.peak = peak(solution.choice);
      solution.feasible = s.peak <= limit;
      solution.cost = *cost;
    }
    s.settled = solution.feasible || below == kNever;
  }
  s.seconds = solution.feasible ? static_cast<double>(solution.cost) * 1e-12 : kNever;
  if (!solution.feasible) return;
  s.choice = std::move(solution.choice);
  split(view.built, s, view.stage.microbatches);
  s.sharding = decode(view.built, view.stage, s.choice);
}

// What isn't below `below` is worth what is known of it.
double StageSolver::seconds(const StageKey& key, double below) {
  ++log_.stages_asked;
  int mine = 0;
  const auto cut = step::cut(joint_, layers_, three_parts(num_layers_, key, mine));
  const int m = joint_.microbatches;
  const auto view = best_view(cut, mine, key, below * m, all_views(key.devices), true);
  auto& proven = proven_.try_emplace(key, 0).first->second;
  proven = std::max(proven, view.solved.bound / m);
  return std::isfinite(view.solved.seconds) || below == kNever ? view.solved.seconds / m
                                                               : std::max(below, view.solved.bound / m);
}

double StageSolver::proven(const StageKey& key) {
  const auto it = proven_.find(key);
  return it == proven_.end() ? bound(key) : it->second;
}

// Parameters and optimizer state are held throughout, at best in equal shards.
double StageSolver::peak_bound(const StageKey& key) {
  if (layer_state_.empty()) {
    layer_state_.assign(num_layers_, 0);
    const auto& homes = parts_.homes();
    for (size_t a = 0; a < joint_.args.size(); ++a) {
      const auto role = joint_.args[a].role;
      const auto value = joint_.graph.args()[a];
      const auto& home = homes.of(value);
      if ((role == step::Role::kParam || role == step::Role::kOptState) &&
          home.kind == step::Home::Kind::kStage && joint_.graph.type(value).is_tensor())
        layer_state_[home.stage] += static_cast<double>(joint_.graph.type(value).num_bytes());
    }
  }
  double sum = 0;
  for (int l = key.first_layer; l < key.last_layer; ++l) sum += layer_state_[parts_.own_layer(l)];
  return sum / key.devices;
}

double StageSolver::least_peak(const StageKey& key, double below) {
  int mine = 0;
  const auto cut = step::cut(joint_, layers_, three_parts(num_layers_, key, mine));
  return least_peak(cut, mine, key, below);
}

// Least usage isn't least peak_bytes: what is in a device's memory at rest may be gathered when it is used.
// So the limit is halved towards `floor` for as long as something fits, below `most`: above it nobody asks.
double StageSolver::least_peak_of(View view, double floor, double most) {
  constexpr double kClose = 0.005;
  auto& problem = view.built.problem;
  const auto found = least_usage(problem, std::nullopt, log_.time.at());
  log_.time.check();
  ++log_.problems_solved;
  if (found.choice.empty()) return kNever;
  double least =
      std::min(most, static_cast<double>(peak_bytes(view.built, view.stage, view.mesh, found.choice)));
  double below = std::max(floor, static_cast<double>(found.bound));
  while (least - below > kClose * least) {
    const double limit = std::max((least + below) / 2, least * 0.9);
    problem.usage_limit = static_cast<int64_t>(limit);
    view.solved = {};
    solve_view(view, kNever, true, false);
    if (std::isfinite(view.solved.seconds))
      least = static_cast<double>(view.solved.peak);
    else
      below = limit;
  }
  return least;
}

double StageSolver::least_peak(const step::Cut& cut, int s, const StageKey& key, double below) {
  const auto stage = describe(cut.stages[s], cluster_, key.first_device, key.devices, joint_.microbatches,
                              key.in_flight, batch_dims_of_args(cut, s));
  double least = kNever;
  for (const auto& shape : cost::logical_views(key.devices)) {
    if (!words(key.first_layer, shape)) continue;
    const View view{stage, 0, cost::make_mesh(cluster_, key.first_device, shape), {}, {}};
    const auto built = build(view, cut, s, key);
    const auto floor = static_cast<double>(usage_floor(built.problem));
    if (floor >= std::min(least, below)) {
      least = std::min(least, std::max(floor, below));
      continue;
    }
    least = std::min(least, least_peak_of({stage, 0, view.mesh, built, {}}, floor, std::min(least, below)));
  }
  return least;
}

std::vector<double> StageSolver::least_peaks(const std::vector<StageKey>& stages) {
  const auto cut = cut_into(stages);
  std::vector<double> out;
  for (size_t s = 0; s < stages.size(); ++s)
    out.push_back(least_peak(cut, static_cast<int>(s), stages[s], kNever));
  return out;
}

step::Cut StageSolver::cut_into(const std::vector<StageKey>& stages) const {
  std::vector<int> stage_of_layer(num_layers_, 0);
  for (size_t s = 0; s < stages.size(); ++s)
    for (int l = stages[s].first_layer; l < stages[s].last_layer; ++l)
      stage_of_layer[l] = static_cast<int>(s);
  return step::cut(joint_, layers_, stage_of_layer);
}

std::optional<size_t> StageSolver::fill(plan::Plan& plan, const std::vector<StageKey>& stages,
                                        std::vector<Given> given, std::vector<double>* costs) {
  given_ = std::move(given);
  const auto cut = cut_into(stages);
  std::vector<std::optional<plan::Stage>> made(stages.size());
  const auto make = [&](int s) {
    // Stages that are not given have been solved before, so that plans can be finished past the time limit.
    const auto view = best_view(cut, s, stages[s], kNever,
                                given_.empty() ? all_views(stages[s].devices) : std::vector{given_[s].view},
                                !given_.empty());
    if (costs) (*costs)[s] = view.solved.seconds / joint_.microbatches;
    if (view.solved.choice.empty()) return;
    auto& stage = made[s].emplace();
    for (int d = 0; d < stages[s].devices; ++d) stage.ranks.push_back(stages[s].first_device + d);
    stage.mesh = view.mesh;
    stage.first_layer = stages[s].first_layer;
    stage.num_layers = stages[s].last_layer - stages[s].first_layer;
    stage.sharding = view.solved.sharding;
    const auto& v = view.solved;
    // A bound of some strategies says nothing of the others.
    const double bound = given_.empty() ? v.bound : full_speed(view.stage) / stages[s].devices;
    const double gap = v.seconds > 0 ? std::max(0.0, (v.seconds - bound) / v.seconds) : 0;
    stage.predicted = {base::Seconds(v.forward),
                       base::Seconds(v.backward),
                       base::Seconds(v.apply),
                       base::Bytes(static_cast<double>(v.peak)),
                       gap,
                       source_of(measured_share(view.stage, v.sharding, view.mesh))};
  };
  if (given_.empty()) {  // bounds are found as they are asked for
    for (size_t s = 0; s < stages.size(); ++s)
      if (make(static_cast<int>(s)); !made[s]) return s;
  } else {
    for (const auto& key : stages) limit(key);  // found before several threads ask
    base::parallel_for(static_cast<int>(stages.size()), make);
  }
  std::optional<size_t> misfit;
  for (size_t s = 0; s < stages.size(); ++s) {
    if (!made[s]) {
      misfit = misfit ? misfit : s;
      continue;
    }
    plan.peak_memory = std::max(plan.peak_memory, made[s]->predicted.peak_memory);
    plan.stages.push_back(std::move(*made[s]));
  }
  if (!misfit) plan.bill = plan::bill(plan, cut);
  return misfit;
}

}  // namespace cordata::planner
