// SPDX-License-Identifier: Apache-2.0
#include "cordata/planner/large_step.h"

#include <algorithm>
#include <limits>
#include <map>
#include <memory>
#include <numeric>
#include <set>

#include "cordata/base/error.h"
#include "cordata/base/parallel.h"
#include "cordata/planner/intra_op/describe.h"
#include "cordata/planner/layers/step_layers.h"
#include "cordata/step/shorten.h"

namespace cordata::planner {
namespace {

constexpr double kNever = std::numeric_limits<double>::infinity();
constexpr double kEpsilon = 1e-3;  // of the step, to which cuttings are told apart
// Runs of layers that stages are made of, on up to 512 devices; twice as many on more.
constexpr int kMostRuns = 64;
constexpr step::Remat kAll[] = {step::Remat::kNone, step::Remat::kSelective, step::Remat::kLayer};

std::vector<int> each_by_itself(int layers) {
  std::vector<int> out(layers);
  std::iota(out.begin(), out.end(), 0);
  return out;
}

// The step with all layers alike in what they compute again. Ops of the base step are those of the whole one.
struct Variant {
  Variant(const LargeStep& in, const step::ShortStep& base, const WholeStep& whole, step::Remat kind)
      : remat(kind),
        planned(step::rematerialise(base.joint, base.layers, std::vector(base.num_layers, kind))),
        solver(planned.joint, planned.layers, base.num_layers, in.cluster, {"", in.fixes}, in.limit, in.cache,
               in.log, in_whole(planned.origin, base.op), whole) {}

  static std::vector<int> in_whole(std::vector<int> ops, const std::vector<int>& whole) {
    for (int& op : ops) op = op < 0 ? op : whole[op];
    return ops;
  }

  const step::Remat remat;
  const step::RematStep planned;
  StageSolver solver;
};

// One number of microbatches.
class Model {
 public:
  // `like`: another number of microbatches, whose layers' choices are chosen from; may be null.
  Model(const LargeStep& in, int microbatches, Model* like)
      : in_(in),
        base_(microbatches == in.first.microbatches ? in.first : step::build_joint(in.step, microbatches)),
        layers_(step_layers(base_, in.options.layers, in.cluster.num_devices(), true)) {
    check_fixes(in.fixes, layers_.count, in.cluster.num_devices());
    find_runs();
    const auto homes = step::find_homes(base_, layers_.of_op, each_by_itself(layers_.count));
    const auto alike = in.fixes.empty() ? alike_layers(base_, homes, {}) : each_by_itself(layers_.count);
    const auto little = step::shorten(base_, layers_.of_op, homes, alike);
    const WholeStep whole{little.layer, step::ops_of_layers(homes)};
    std::vector<step::Remat> kinds;
    for (const auto kind : kAll)
      if (!in.options.remat || *in.options.remat == kind) kinds.push_back(kind);
    variants_.resize(kinds.size());
    base::parallel_for(static_cast<int>(kinds.size()), [&](int v) {
      variants_[v] = std::make_unique<Variant>(in, little, whole, kinds[v]);
      variants_[v]->solver.prepare();
    });
    problem_ = in.cuttings(static_cast<int>(runs_.size()) - 1, microbatches);
    // One variant's layers are solved with all that they can choose from; the others choose from what it
    // chose.
    auto& first = variants_[0]->solver;
    const auto work = first.least_work(like ? &like->variants_[0]->solver : nullptr);
    for (size_t r = 0; r + 1 < runs_.size(); ++r)
      problem_.least_work.push_back(
          std::accumulate(work.begin() + runs_[r], work.begin() + runs_[r + 1], 0.0));
    for (size_t v = 1; v < variants_.size(); ++v) variants_[v]->solver.least_work(&first);
    problem_.round_sizes = true;
    find_layer_costs();
    problem_.estimate = [this](const StageKey& k) { return estimate(k); };
    problem_.exact_together = [this](const std::vector<StageKey>& stages) { return solve(stages); };
    problem_.epsilon = kEpsilon;
    everywhere_ = problem_;
  }

  int microbatches() const { return base_.microbatches; }
  // Bytes of a device, of all in equal shares: parameters and optimizer state.
  double held_by_all() {
    const int devices = in_.cluster.num_devices();
    return variants_[0]->solver.peak_bound({0, layers_.count, 0, devices, 1});
  }
  // On the devices of the stages that are best by estimates, layers no longer choose from what those of
  // another number of microbatches chose.
  void widen();
  // On the number of devices that is best; the rest is done on these, too.
  std::optional<StageSolution> by_estimates();
  std::optional<plan::Plan> plan(double* least);

 private:
  double estimate(const StageKey& key) {
    double least = kNever;
    for (size_t v = 0; v < variants_.size(); ++v) least = std::min(least, estimate(key, v));
    return least;
  }
  double estimate(const StageKey& key, size_t variant) {
    if (!allowed(in_.fixes, in_layers(key))) return kNever;
    return failed_.contains({key, variant}) ? kNever : variants_[variant]->solver.estimate(in_layers(key));
  }
  void find_runs();
  void find_layer_costs();
  // The stages of a cutting, each in the variant that is best for it by estimates: what they cost, a
  // microbatch.
  std::vector<double> solve(const std::vector<StageKey>& stages);
  // A stage of runs of layers as one of layers.
  StageKey in_layers(StageKey key) const {
    key.first_layer = runs_[key.first_layer], key.last_layer = runs_[key.last_layer];
    return key;
  }
  StageKey normal(StageKey key) const {
    key.first_device = problem_.alike(key.first_device, key.devices);
    return key;
  }

  const LargeStep& in_;
  StageProblem everywhere_;  // on all devices
  const step::JointStep base_;
  const StepLayers layers_;
  std::vector<int> runs_;  // where runs of layers begin that aren't cut apart, and the end
  std::vector<std::unique_ptr<Variant>> variants_;
  StageProblem problem_;
  std::optional<StageSolution> best_;             // by estimates
  std::set<std::pair<StageKey, size_t>> failed_;  // stages that didn't fit in a variant
  std::map<std::vector<StageKey>, plan::Plan> solved_;
};

// Fixed stages begin and end with runs.
void Model::find_runs() {
  const int most = in_.cluster.num_devices() <= 512 ? kMostRuns : 2 * kMostRuns;
  const int run = (layers_.count + most - 1) / most;
  const auto edge = [&](int layer) {
    return std::any_of(in_.fixes.begin(), in_.fixes.end(),
                       [&](const Fix& f) { return layer == f.first_layer || layer == f.last_layer; });
  };
  for (int l = 0; l < layers_.count; ++l)
    if (runs_.empty() || l - runs_.back() == run || edge(l)) runs_.push_back(l);
  runs_.push_back(layers_.count);
}

// On all runs of devices that stages may have.
void Model::find_layer_costs() {
  std::set<StageKey> keys;
  for (const int n : in_.devices)
    for (const int size : stage_sizes(on_devices(problem_, n)))
      for (int first = 0; first + size <= n; ++first)
        if (submesh_starts_at(first, size, problem_.devices_per_host))
          keys.insert(normal({0, 1, first, size, 1}));
  const std::vector<StageKey> all(keys.begin(), keys.end());
  LayerCosts::run(variants_[0]->solver.jobs(all));
  LayerCosts::Jobs rest;
  for (size_t v = 1; v < variants_.size(); ++v)
    for (auto& job : variants_[v]->solver.jobs(all)) rest.push_back(std::move(job));
  LayerCosts::run(std::move(rest));
}

void Model::widen() {
  if (!best_) return;
  LayerCosts::run(variants_[0]->solver.jobs_again(best_->stages, true));
  LayerCosts::Jobs rest;
  for (size_t v = 1; v < variants_.size(); ++v)
    for (auto& job : variants_[v]->solver.jobs_again(best_->stages, false)) rest.push_back(std::move(job));
  LayerCosts::run(std::move(rest));
}

std::optional<StageSolution> Model::by_estimates() {
  auto& best = best_;
  best.reset();
  StageProblem chosen = everywhere_;
  double least = kNever;
  for (const int n : in_.devices) {
    StageProblem fewer = on_devices(everywhere_, n);
    fewer.at_most = least / in_.weight(n);
    auto found = cut_by_estimates(fewer);
    if (!found) continue;
    least = found->seconds * in_.weight(n);
    best = found, chosen = std::move(fewer);
  }
  problem_ = std::move(chosen);
  problem_.at_most = kNever;
  return best;
}

std::vector<double> Model::solve(const std::vector<StageKey>& stages) {
  plan::Plan out;
  out.layers = layers_.of_op, out.num_layers = layers_.count;
  out.microbatches = base_.microbatches;
  out.schedule = stages.size() == 1 ? "single" : in_.schedule;
  std::vector<StageSolver::Given> given;
  std::vector<size_t> variants;
  std::vector<step::Remat> remat;
  for (const auto& stage : stages) {
    const StageKey key = normal(stage);
    size_t best = 0;
    for (size_t v = 1; v < variants_.size(); ++v)
      if (estimate(key, v) < estimate(key, best)) best = v;
    auto& solver = variants_[best]->solver;
    variants.push_back(best);
    const StageKey whole = in_layers(key);
    given.push_back(solver.give(whole, solver.best_by_estimate(whole)));
    remat.insert(remat.end(), whole.last_layer - whole.first_layer, variants_[best]->remat);
  }
  if (std::any_of(remat.begin(), remat.end(), [](auto r) { return r != step::Remat::kNone; }))
    out.remat = remat;
  const auto planned = step::rematerialise(base_, layers_.of_op, out.remat);
  StageSolver together(planned.joint, planned.layers, layers_.count, in_.cluster, {"", in_.fixes}, in_.limit,
                       in_.cache, in_.log, planned.origin);
  std::vector<double> costs;
  bool all = true;
  for (size_t s = 0; s < stages.size(); ++s) costs.push_back(kNever);
  std::vector<StageKey> whole;
  for (const auto& stage : stages) whole.push_back(in_layers(stage));
  const auto found = together.fill(out, whole, std::move(given), &costs);
  for (size_t s = 0; s < stages.size(); ++s) {
    const StageKey key = normal(stages[s]);
    const bool fits = costs[s] < kNever;
    all = all && fits;
    variants_[variants[s]]->solver.learn(in_layers(key), costs[s]);
    if (fits) continue;
    failed_.insert({key, variants[s]});
    costs[s] = std::numeric_limits<double>::quiet_NaN();  // in other variants it may
  }
  if (!all || found) return costs;
  out.step = base::Seconds(step_seconds(problem_, stages, costs));
  solved_[stages] = std::move(out);
  return costs;
}

std::optional<plan::Plan> Model::plan(double* least) {
  const auto solution = cut_stages(problem_, least);
  if (!solution) return std::nullopt;
  if (!solved_.contains(solution->stages)) solve(solution->stages);  // of stages solved beside others
  if (!solved_.contains(solution->stages)) return std::nullopt;
  return std::move(solved_.at(solution->stages));
}

// The model's step by estimates, times the weight of its devices; infinity: nothing fits.
double tell(const LargeStep& in, Model& model) {
  const auto found = model.by_estimates();
  if (in.log.say)
    in.log.say(found ? fmt::format("{} microbatches: {} stages, {:.4g} s by estimates", model.microbatches(),
                                   found->stages.size(), found->seconds)
                     : fmt::format("{} microbatches: nothing fits, by estimates", model.microbatches()));
  return found ? found->seconds * in.weight(found->stages.back().first_device + found->stages.back().devices)
               : kNever;
}

base::Error does_not_fit(const LargeStep& in, double held) {
  return base::Error(base::ErrorKind::kInfeasible,
                     fmt::format("[planner] no plan was found that fits {} a device (stages were estimated, "
                                 "not all solved): parameters "
                                 "and optimizer state alone are {} a device when all {} share them, and "
                                 "gradients and activations come "
                                 "on top; try more devices or a smaller model",
                                 Places(in.cluster, in.options.memory_limit.value).limits(),
                                 base::to_string(base::Bytes(held)), in.cluster.num_devices()));
}

}  // namespace

namespace {

// Every better plan that is found is put into `best`.
void look_for(const LargeStep& in, const std::vector<int>& counts, std::optional<plan::Plan>& best,
              double* least) {
  std::unique_ptr<Model> first, chosen;
  std::map<int, double> seconds;  // by place in `counts`
  double shortest = kNever;
  const int n = static_cast<int>(counts.size());
  const auto value = [&](const plan::Plan& p) {
    return p.step.value * in.weight(p.stages.back().ranks.back() + 1);
  };
  const auto plan = [&](Model& model) {
    double proven = 0;
    auto found = model.plan(&proven);
    if (!found || (best && value(*best) <= value(*found))) return;
    if (in.log.say)
      in.log.say(fmt::format("best so far: {} a step, {} stages, {} microbatches",
                             base::to_string(found->step), found->stages.size(), found->microbatches));
    best = std::move(found), *least = proven;
  };
  const auto look_at = [&](int i) {
    if (i < 0 || i >= n || seconds.contains(i)) return;
    auto model = std::make_unique<Model>(in, counts[i], first.get());
    seconds[i] = tell(in, *model);
    const bool better = seconds[i] < shortest;
    if (better) shortest = seconds[i], chosen = nullptr;
    // Where time is limited, there should be some plan soon.
    if (better && in.log.time.limited() && !best) plan(*model);
    if (!first)
      first = std::move(model);
    else if (better)
      chosen = std::move(model);
  };
  int at = static_cast<int>(first_looked_at(counts.size()));
  const auto better = [&](int i) {
    look_at(i);
    return i >= 0 && i < n && seconds[i] < seconds[at];
  };
  look_at(at);
  while (seconds[at] == kNever && at + 1 < n) look_at(++at);
  const int way = better(at + 1) ? 1 : -1;
  while (better(at + way)) at += way;
  if (shortest == kNever) throw does_not_fit(in, first->held_by_all());
  if (chosen) {
    chosen->widen();
    tell(in, *chosen);
  }
  plan(chosen ? *chosen : *first);
  if (!best) throw does_not_fit(in, first->held_by_all());
}

}  // namespace

size_t first_looked_at(size_t counts) { return counts - 1 - counts / 4; }

plan::Plan plan_large(const LargeStep& in, const std::vector<int>& counts, double* least) {
  std::optional<plan::Plan> best;
  try {
    look_for(in, counts, best, least);
  } catch (const TimeIsOver&) {
    if (!best) throw;
  }
  return std::move(*best);
}

}  // namespace cordata::planner
