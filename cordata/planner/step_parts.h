// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <optional>
#include <vector>

#include "cordata/cluster/cluster.h"
#include "cordata/cost/op_time.h"
#include "cordata/planner/fixes.h"
#include "cordata/planner/intra_op/stage_view.h"
#include "cordata/step/cut.h"
#include "cordata/step/homes.h"

namespace cordata::planner {

// A step that another stands for (step::ShortStep): by layer the one of the other that stands for it, and the
// base step's ops. Empty: none does.
struct WholeStep {
  std::vector<int> layer;
  std::vector<std::vector<int>> ops;
};

// The layers of a joint step as parts of stages (intra_op/layer_part.h), and what passes between them. Each
// is found when it is first asked for.
class StepParts {
 public:
  // `batch`: by value and dim of the joint graph, whether it counts samples; empty: not asked for. `base_op`:
  // by op of the joint step, that of the base step which it is or repeats; empty: itself. References are
  // kept.
  StepParts(const step::JointStep& joint, const step::Layers& layers, int num_layers,
            const cluster::Cluster& cluster, const std::vector<Fix>& fixes,
            const std::vector<std::vector<bool>>& batch, std::vector<int> base_op, WholeStep whole);

  void find();
  const step::Homes& homes();  // each layer a stage

  // By layer of the joint step; empty where another one before is alike. With the times of devices of these
  // kinds, or of any.
  const std::vector<StageView>& of(const std::vector<int>& kinds);
  const std::vector<StageView>& any() const { return parts_.begin()->second; }
  const std::vector<int>& same() const { return same_part_; }  // by layer: the first one with an equal part
  // By op of a part: the least that it takes in any stage that holds the layer, where its kernels depend on
  // the stage; else -1.
  const std::vector<double>& least_seconds(int layer);

  // By layer of the whole step: its part, and by op of that the base step's, or -1.
  const std::vector<int>& part_of() const { return part_of_; }
  const std::vector<std::vector<int>>& base_ops() const { return base_ops_; }
  int own_layer(int l) const { return whole_.layer.empty() ? l : whole_.layer[l]; }
  // Bytes of a microbatch that cross the boundary before a layer of the whole step.
  double crossing_forward(int l) const { return crossing_forward_[own_boundary(l)]; }
  double crossing_backward(int l) const { return crossing_backward_[own_boundary(l)]; }

 private:
  std::vector<int> each_layer_a_stage() const;
  void find_crossing();
  void find_base_ops();
  void find_least_seconds();
  std::vector<cost::OpTime> times_of_joint(const std::vector<int>& kinds, bool single_stage) const;
  void add_samples(StageView& part, const step::StageGraph& graph, const std::vector<int>& places) const;
  void give_times(std::vector<StageView>& parts, const std::vector<cost::OpTime>& times) const;
  int num_whole() const { return whole_.layer.empty() ? num_layers_ : static_cast<int>(whole_.layer.size()); }
  int own_boundary(int l) const { return l == 0 ? 0 : own_layer(l - 1) + 1; }

  const step::JointStep& joint_;
  const step::Layers& layers_;
  const int num_layers_;
  const cluster::Cluster& cluster_;
  const std::vector<Fix>& fixes_;
  const std::vector<std::vector<bool>>& batch_;
  const std::vector<int> base_op_;
  const WholeStep whole_;
  std::optional<step::Homes> homes_;
  std::vector<double> crossing_forward_, crossing_backward_;  // by boundary of own layers
  std::map<std::vector<int>, std::vector<StageView>> parts_;  // by kinds of devices
  std::vector<std::vector<int>> part_ops_;  // by layer and op of its part: of the joint step, or -1
  std::vector<std::vector<int>> base_ops_;  // by layer of the whole
  struct Alone {
    double seconds = 0, launch = 0;
  };
  std::vector<std::vector<Alone>> alone_;  // as parts_, by op: what it takes where the layer is a stage
  std::vector<std::vector<double>> least_seconds_;
  std::vector<int> same_part_, part_of_;
};

}  // namespace cordata::planner
