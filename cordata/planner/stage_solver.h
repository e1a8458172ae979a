// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "cordata/cost/op_time.h"
#include "cordata/planner/fixes.h"
#include "cordata/planner/inter_op/stages.h"
#include "cordata/planner/intra_op/build.h"
#include "cordata/planner/layer_costs.h"
#include "cordata/planner/planner.h"
#include "cordata/planner/step_parts.h"
#include "cordata/step/cut.h"

namespace cordata::planner {

// Costs of the stages of one joint step, each found by solving its intra-op problem on every view of its
// devices. Equal problems are solved once.
class StageSolver {
 public:
  // What is known of a stage on a view.
  struct Solved {
    bool settled = false;                         // else only that it takes `bound` or more
    double seconds = 0;                           // of a step; infinity: doesn't fit
    double bound = 0;                             // no choice takes less
    std::vector<int> choice;                      // empty: none
    plan::StageSharding sharding;                 // what it means
    double forward = 0, backward = 0, apply = 0;  // of one microbatch, one microbatch, one step
    int64_t peak = 0;
  };
  using Cache = std::map<std::string, Solved>;

  // `asked`: of which stages only some choices are wanted. `limit`: bytes that a device may hold; 0: what
  // each has. `base_op`: by op of the joint step, the op of the base step that it is or repeats; empty:
  // itself.
  struct Asked {
    std::string restriction;  // of all stages that aren't fixed (restrictions.h); empty: none
    std::vector<Fix> fixes;
  };
  StageSolver(const step::JointStep& joint, const step::Layers& layers, int num_layers,
              const cluster::Cluster& cluster, Asked asked, double limit, Cache& cache, PlannerLog& log,
              std::vector<int> base_op = {}, WholeStep whole = {});

  double seconds(const StageKey& key,
                 double below);        // c_i: of the best view, a microbatch; see StageProblem::exact
  double bound(const StageKey& key);   // the sum of what its layers take at least
  double proven(const StageKey& key);  // c_i is not below it: what solving has shown, or the bound
  // Bytes of a device that a stage needs: as few as can be found if that is below `below` (else any number
  // from there on), and what it can't be less than.
  double least_peak(const StageKey& key, double below);
  double peak_bound(const StageKey& key);
  // For steps with too many stages to bound and solve each: what a stage is likely to cost (LayerCosts,
  // corrected by what solved stages of as many devices turned out to cost), and what each layer takes at
  // least.
  double estimate(const StageKey& key);
  void prepare();  // what estimates need; may run beside other solvers
  // What estimates of stages on these devices need, as jobs (LayerCosts).
  LayerCosts::Jobs jobs(const std::vector<StageKey>& keys);
  LayerCosts::Jobs jobs_again(const std::vector<StageKey>& keys, bool all);
  // `like`: of the same step with other sizes, whose layers' choices are good enough here (LayerCosts).
  std::vector<double> least_work(StageSolver* like = nullptr);
  // The least peak that each stage of a cutting has beside all the others.
  std::vector<double> least_peaks(const std::vector<StageKey>& stages);
  // Puts the stages into the plan; else says which one has no choice beside all the others, as more arrives
  // there than when they are one.
  // `given`: by stage the view to take (of cost::logical_views) and the strategies to choose from; empty: the
  // best of all.
  struct Given {
    size_t view = 0;
    LayerCosts::ByBase strategies;
  };
  std::optional<size_t> fill(plan::Plan& plan, const std::vector<StageKey>& stages,
                             std::vector<Given> given = {}, std::vector<double>* costs = nullptr);
  // The view that is best for a stage by estimates, and what a solved stage says of estimates for as many
  // devices: `seconds` a microbatch, infinity: it didn't fit.
  size_t best_by_estimate(const StageKey& key);
  void learn(const StageKey& key, double seconds);
  // What a stage of some layers chooses from on a view, to be given to another solver of the same base step.
  Given give(const StageKey& key, size_t view) {
    return {view, layer_costs().by_base(key.first_layer, key.last_layer, place(key), static_cast<int>(view))};
  }

 private:
  struct View {
    StageView stage;
    size_t number = 0;  // of cost::logical_views
    sharding::Mesh mesh;
    BuiltProblem built;
    Solved solved;
  };
  // The best view of stage `s` of a cutting, if it takes less than `below` a step; `bound` is that of all
  // views.
  // `in_time`: not past the time limit.
  View best_view(const step::Cut& cut, int s, const StageKey& key, double below,
                 const std::vector<size_t>& views, bool in_time);
  Solved look_up(const std::string& print);
  void remember(const std::string& print, const Solved& solved);
  BuiltProblem build(const View& view, const step::Cut& cut, int s, const StageKey& key);
  // `closely`: gaps that memory leaves are closed where that is cheap; else anything that fits will do.
  void solve_view(View& view, double below, bool in_time, bool closely = true);
  // By view of the devices and layer: what it takes at least, a microbatch.
  using LayerBounds = std::vector<std::vector<double>>;
  std::vector<Place> places(const std::vector<StageKey>& keys) const;
  const Place& place(const StageKey& key) const { return places_.of(key.first_device, key.devices); }
  double limit(const StageKey& key) const { return places_.limit(key.first_device, key.devices); }
  const LayerBounds& layer_bounds(const Place& place);
  LayerCosts& layer_costs(StageSolver* like = nullptr);
  double transfer_seconds(const StageKey& key) const;
  Restriction given_choices(const step::StageGraph& graph, const LayerCosts::ByBase& strategies) const;
  double view_bound(const StageKey& key, size_t view);
  double least_peak(const step::Cut& cut, int s, const StageKey& key, double below);
  double least_peak_of(View view, double floor, double most);
  void add_transfers(BuiltProblem& built, const step::Cut& cut, int s, const StageView& stage,
                     const StageKey& key, const sharding::Mesh& mesh) const;
  step::Cut cut_into(const std::vector<StageKey>& stages) const;
  std::vector<int> batch_dims_of_args(const step::Cut& cut, int s) const;
  bool restricted() const;
  // What a stage with that layer may do on the axes of a view; nothing: the view isn't looked at.
  std::optional<std::vector<std::string>> words(int layer, const std::vector<int64_t>& view) const;

  const step::JointStep& joint_;
  const step::Layers& layers_;
  int num_layers_;
  const cluster::Cluster& cluster_;
  Asked asked_;
  const Places places_;
  std::mutex shared_;  // of the next two, where several threads fill stages in
  Cache& cache_;
  PlannerLog& log_;
  std::map<Place, LayerBounds> layer_bounds_;
  std::map<StageKey, double> proven_;
  std::vector<Given> given_;  // by stage of the cutting that is filled in
  std::optional<LayerCosts> layer_costs_;
  std::vector<double> least_work_;  // by layer, where there are layer_costs_
  struct Correction {
    double seconds = 1, memory = 1;
  };
  std::map<Place, Correction> corrections_;
  std::vector<int> base_op_;
  std::vector<double> layer_state_;  // by layer: bytes of the parameters and optimizer state that live there
  std::vector<std::vector<bool>> joint_batch_;  // by value of the joint graph and dim; only if restricted()
  StepParts parts_;
};

}  // namespace cordata::planner
