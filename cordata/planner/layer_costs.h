// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <functional>
#include <map>
#include <optional>
#include <vector>

#include "cordata/cluster/cluster.h"
#include "cordata/planner/intra_op/build.h"
#include "cordata/planner/intra_op/stage_view.h"
#include "cordata/planner/places.h"
#include "cordata/planner/planner.h"
#include "cordata/sharding/sharding.h"

namespace cordata::planner {

// Device-seconds of a step that all ops take at full speed: no sharding takes less.
double full_speed(const StageView& stage);

// What layers cost on each view of a run of devices when each stands among others like it (ClosedLayer):
// equal layers are solved once, whatever stage they are in, and a stage is estimated as the sum of its
// layers. Each layer is solved at some prices of memory, the same for all: a mode. Modes 0, 1, ... hold less
// and less and take longer.
class LayerCosts {
 public:
  // By layer (layer_part.h), with the times of devices of these kinds.
  using Parts = std::function<const std::vector<StageView>&(const std::vector<int>& kinds)>;
  // `same`: by layer, the first one with an equal part. `base_ops`: by layer and op of its part, the op of
  // the base joint step that it is or repeats. `like`: of the same step
  // with microbatches of another size, or that computes other values again; where its layers were solved,
  // only what they chose is chosen from.
  // `limits`: what a layer may choose from on a mesh; nothing: it isn't there.
  using Limits = std::function<std::optional<Restriction>(int layer, const sharding::Mesh& mesh)>;
  LayerCosts(Parts parts, const std::vector<int>& same, const std::vector<std::vector<int>>& base_ops,
             const cluster::Cluster& cluster, PlannerLog& log, Limits limits,
             const LayerCosts* like = nullptr);
  // Whether all was chosen from what a like one chose.
  bool narrowed() const { return like_ && !widened_; }

  // What `best` needs to know of some places is found in jobs, large ones first, that may run side by side
  // with others; those of a like one come before.
  struct Job {
    int size = 0;
    std::function<void()> run;
  };
  using Jobs = std::vector<Job>;
  Jobs jobs(const std::vector<Place>& places);
  static void run(Jobs jobs);

  struct Estimate {
    double seconds = 0;  // a microbatch; infinity: doesn't fit
    int view = -1;       // of cost::logical_views(place.devices)
  };
  // Layers [first, last) on devices that hold `limit` bytes each, `in_flight` microbatches at once:
  // of the view that is best. Where memory binds, some of the layers are in one mode and some in the next.
  Estimate best(int first, int last, const Place& place, int in_flight, double limit);
  // What the modes of some layers choose between, few of all strategies, by op of the base step; of a view
  // that was solved.
  using ByBase = std::map<int, std::vector<sharding::Strategy>>;
  ByBase by_base(int first, int last, const Place& place, int view) const;
  // Device-seconds a microbatch that each layer takes at least: its ops at full speed of the fastest device.
  std::vector<double> least_work() const;

 private:
  struct Mode {
    std::vector<double> seconds, held, flight;  // of layers before that one, added up: [layers + 1]
    std::vector<int> missing;                   // the same: layers that can't be there
    // By log2 of a number of layers and the first of them: the most that lives inside the passes of one.
    std::vector<std::vector<double>> passing;
    double most_passing(int first, int last) const;
  };
  struct View {
    std::vector<Mode> modes;
    // By layer and op of its part; of a layer like another before it: none.
    std::vector<std::vector<std::vector<sharding::Strategy>>> choices;
  };
  using Layers = std::vector<ClosedLayer>;  // as View::choices
  Layers build(const Place& place, int view) const;
  Restriction as_like(int layer, const Place& place, int view) const;
  ClosedLayer build(int layer, const Place& place, int view, const sharding::Mesh& mesh) const;
  void solve(const Layers& layers, View& view, double price) const;
  void solve(const Place& place, int number, View& view) const;
  void count(int views);
  // c_i of a stage on that view; infinity: doesn't fit.
  double estimate(const View& view, int first, int last, int in_flight, double limit) const;

  const Parts parts_on_;
  const std::vector<StageView>& parts_;  // of one kind of device; its times are not looked at
  const std::vector<int>& same_;
  const std::vector<std::vector<int>>& base_ops_;
  const cluster::Cluster& cluster_;
  PlannerLog& log_;
  const Limits limits_;
  const LayerCosts* like_;
  mutable std::atomic<bool> widened_{false};
  std::map<Place, std::vector<View>> views_;
};

}  // namespace cordata::planner
