// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <set>
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
  // Parts of layers (layer_part.h), with the times of devices of these kinds.
  using Parts = std::function<const std::vector<StageView>&(const std::vector<int>& kinds)>;
  // `part_of`: by layer, its part. `base_ops`: by layer and op of its part, the op of the base joint step
  // that it is or repeats. `limits`: what a part may choose from on a mesh; nothing: it isn't there. `like`:
  // of the same step with microbatches of another size, or that computes other values again; where its layers
  // were solved, only what they chose is chosen from.
  using Limits = std::function<std::optional<Restriction>(int part, const sharding::Mesh& mesh)>;
  LayerCosts(Parts parts, const std::vector<int>& part_of, const std::vector<std::vector<int>>& base_ops,
             const cluster::Cluster& cluster, PlannerLog& log, Limits limits,
             const LayerCosts* like = nullptr);

  // What `best` needs to know of some places is found in jobs, large ones first, that may run side by side
  // with others; those of a like one come before.
  struct Job {
    int level = 0, size = 0;  // those of a lower level come before
    std::function<void()> run;
  };
  using Jobs = std::vector<Job>;
  Jobs jobs(const std::vector<Place>& places);
  // Finds it again there, as the like one may know more by now; or, with `all`, without looking at the like
  // one.
  Jobs jobs_again(const std::vector<Place>& places, bool all);
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
    std::vector<std::vector<std::vector<sharding::Strategy>>> choices;  // by part and op
  };
  // What one layer takes in one mode.
  struct Taken {
    double seconds = 0, held = 0, flight = 0, passing = 0;
  };
  Restriction as_like(int part, const Place& place, int view) const;
  std::vector<std::vector<sharding::Strategy>> on_half(int part, const Place& place,
                                                       const sharding::Mesh& mesh) const;
  Restriction one_of(int part, std::vector<std::vector<sharding::Strategy>> chosen,
                     const sharding::Mesh& mesh) const;
  ClosedLayer build(int part, const Place& place, int number, const View& view) const;
  Taken solve(const ClosedLayer& layer, int part, double price, View& view) const;
  Mode add_up(const std::vector<Taken>& of_part) const;
  void solve(const Place& place, int number, View& view) const;
  void count(int views);
  // c_i of a stage on that view; infinity: doesn't fit.
  double estimate(const View& view, int first, int last, int in_flight, double limit) const;

  const Parts parts_on_;
  const std::vector<StageView>& parts_;  // of one kind of device; its times are not looked at
  const std::vector<int>& part_of_;
  std::map<int, int> first_layer_;  // of each part that layers have
  std::map<int, int> first_part_;   // of each: the first one that is alike but for sizes
  const std::vector<std::vector<int>>& base_ops_;
  const cluster::Cluster& cluster_;
  PlannerLog& log_;
  const Limits limits_;
  const LayerCosts* like_;
  std::set<Place> free_;  // where it is not as the like one
  std::map<Place, std::vector<View>> views_;
};

}  // namespace cordata::planner
