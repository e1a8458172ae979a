// SPDX-License-Identifier: Apache-2.0
#include "cordata/planner/large_step.h"

#include <algorithm>
#include <limits>
#include <map>
#include <memory>

#include "cordata/base/error.h"
#include "cordata/planner/layers/step_layers.h"

namespace cordata::planner {
namespace {

constexpr double kNever = std::numeric_limits<double>::infinity();
constexpr double kNear = 1.02;     // variants whose estimates are that near the best are solved, too
constexpr double kEpsilon = 1e-3;  // of the step, to which cuttings are told apart
constexpr step::Remat kAll[] = {step::Remat::kNone, step::Remat::kSelective, step::Remat::kLayer};

// The step with all layers alike in what they compute again.
struct Variant {
  Variant(const LargeStep& in, const step::JointStep& base, const StepLayers& layers, step::Remat kind)
      : remat(kind),
        planned(step::rematerialise(base, layers.of_op, std::vector(layers.count, kind))),
        solver(planned.joint, planned.layers, layers.count, in.cluster, "", in.limit, in.cache, in.log) {}

  const step::Remat remat;
  const step::RematStep planned;
  StageSolver solver;
};

// One number of microbatches.
class Model {
 public:
  Model(const LargeStep& in, int microbatches)
      : in_(in),
        base_(step::build_joint(in.step, microbatches)),
        layers_(step_layers(base_, in.options.layers, in.cluster.num_devices())) {
    for (const auto kind : kAll)
      if (!in.options.remat || *in.options.remat == kind)
        variants_.push_back(std::make_unique<Variant>(in, base_, layers_, kind));
    problem_ = in.cuttings(layers_.count, microbatches);
    problem_.least_work = variants_[0]->solver.least_work();
    problem_.estimate = [this](const StageKey& k) { return estimate(k); };
    problem_.exact = [this](const StageKey& k, double) { return exact(k); };
    problem_.epsilon = kEpsilon;
    problem_.max_evaluations = 0;
  }

  std::optional<StageSolution> by_estimates() { return cut_by_estimates(problem_); }
  std::optional<plan::Plan> plan(double* least);

 private:
  struct Chosen {
    size_t variant = 0, view = 0;
  };
  double estimate(const StageKey& key) {
    double least = kNever;
    for (auto& v : variants_) least = std::min(least, v->solver.estimate(key));
    return least;
  }
  double exact(const StageKey& key);
  StageKey normal(StageKey key) const {
    key.first_device = problem_.alike(key.first_device, key.devices);
    return key;
  }

  const LargeStep& in_;
  const step::JointStep base_;
  const StepLayers layers_;
  std::vector<std::unique_ptr<Variant>> variants_;
  StageProblem problem_;
  std::map<StageKey, Chosen> chosen_;
};

// Variants are solved in the order of their estimates, as long as these are near the best or nothing fits.
double Model::exact(const StageKey& key) {
  std::vector<std::pair<double, size_t>> order;
  for (size_t v = 0; v < variants_.size(); ++v) order.emplace_back(variants_[v]->solver.estimate(key), v);
  std::sort(order.begin(), order.end());
  double best = kNever;
  for (const auto& [guess, v] : order) {
    if (guess == kNever || (best < kNever && guess > order[0].first * kNear)) break;
    auto& solver = variants_[v]->solver;
    const double found = solver.seconds(key, kNever);
    if (found < best) best = found, chosen_[key] = {v, solver.view_of(key)};
  }
  return best;
}

std::optional<plan::Plan> Model::plan(double* least) {
  const auto solution = cut_stages(problem_, least);
  if (!solution) return std::nullopt;
  plan::Plan out;
  out.layers = layers_.of_op, out.num_layers = layers_.count;
  out.microbatches = base_.microbatches;
  out.schedule = solution->stages.size() == 1 ? "single" : in_.schedule;
  out.step = base::Seconds(solution->seconds);
  std::vector<size_t> views;
  std::vector<step::Remat> remat;
  for (const auto& stage : solution->stages) {
    const Chosen& chosen = chosen_.at(normal(stage));
    views.push_back(chosen.view);
    remat.insert(remat.end(), stage.last_layer - stage.first_layer, variants_[chosen.variant]->remat);
  }
  const bool any = std::any_of(remat.begin(), remat.end(), [](auto r) { return r != step::Remat::kNone; });
  if (any) out.remat = remat;
  const auto planned = step::rematerialise(base_, layers_.of_op, out.remat);
  StageSolver together(planned.joint, planned.layers, layers_.count, in_.cluster, "", in_.limit, in_.cache,
                       in_.log);
  if (together.fill(out, solution->stages, views)) return std::nullopt;
  return out;
}

}  // namespace

std::optional<plan::Plan> plan_large(const LargeStep& in, const std::vector<int>& counts, double* least) {
  std::unique_ptr<Model> best;
  std::map<int, double> seconds;  // by place in `counts`
  double shortest = kNever;
  const int n = static_cast<int>(counts.size());
  const auto look_at = [&](int i) {
    if (i < 0 || i >= n || seconds.contains(i)) return;
    auto model = std::make_unique<Model>(in, counts[i]);
    const auto found = model->by_estimates();
    seconds[i] = found ? found->seconds : kNever;
    if (in.log.say)
      in.log.say(found ? fmt::format("{} microbatches: {} stages, {:.4g} s by estimates", counts[i],
                                     found->stages.size(), found->seconds)
                       : fmt::format("{} microbatches: nothing fits, by estimates", counts[i]));
    if (seconds[i] < shortest) shortest = seconds[i], best = std::move(model);
  };
  int at = n - 1 - n / 4;  // small microbatches fit
  for (int before = -1; before != at;) {
    before = at;
    for (const int i : {at, at + 1, at - 1}) look_at(i);
    for (const auto& [i, s] : seconds)
      if (s < seconds[at]) at = i;
    if (!best && at + 1 < n) ++at;
  }
  return best ? best->plan(least) : std::nullopt;
}

}  // namespace cordata::planner
