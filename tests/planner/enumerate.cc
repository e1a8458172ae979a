// SPDX-License-Identifier: Apache-2.0
#include "tests/planner/enumerate.h"

#include <algorithm>
#include <limits>
#include <map>
#include <tuple>

#include "cordata/cost/meshes.h"
#include "cordata/ir/op_table.h"
#include "tests/planner/stage_price.h"

namespace cordata::tests {
namespace {

constexpr double kNever = std::numeric_limits<double>::infinity();
thread_local int64_t cuttings = 0;

double join(const std::vector<double>& stage_seconds, int microbatches) {
  double sum = 0, most = 0;
  for (const double s : stage_seconds) sum += s / microbatches, most = std::max(most, s / microbatches);
  return sum + (microbatches - 1) * most;
}

// A layer for each forward op that does something.
step::Layers op_a_layer(const step::JointStep& joint, int& layers) {
  const auto& g = joint.graph;
  step::Layers forward(g.ops().size(), -1);
  layers = 0;
  for (size_t i = 0; i < g.ops().size(); ++i)
    if (joint.phase[i] == step::Phase::kForward && !ir::is_constant_like(g.node(g.ops()[i]).kind))
      forward[i] = layers++;
  return step::extend_to_backward(joint, forward);
}

// All ways to write `total` as a sum of `parts` numbers above 0.
void compositions(int total, int parts, std::vector<int>& so_far, std::vector<std::vector<int>>& out) {
  if (parts == 0) {
    if (total == 0) out.push_back(so_far);
    return;
  }
  for (int n = 1; n <= total - parts + 1; ++n) {
    so_far.push_back(n);
    compositions(total - n, parts - 1, so_far, out);
    so_far.pop_back();
  }
}
std::vector<std::vector<int>> compositions(int total, int parts) {
  std::vector<std::vector<int>> out;
  std::vector<int> so_far;
  compositions(total, parts, so_far, out);
  return out;
}

std::vector<std::vector<int64_t>> views(int devices) {
  if (devices == 1) return {{}};
  std::vector<std::vector<int64_t>> out{{devices}};
  for (int n = 2; n < devices; ++n)
    if (devices % n == 0) out.push_back({n, devices / n});
  return out;
}

// Part of one host, or whole hosts.
bool allowed(const cluster::Cluster& c, int first, int devices) {
  const int h = c.devices_per_host;
  return devices < h ? first / h == (first + devices - 1) / h : first % h == 0 && devices % h == 0;
}

class Enumeration {
 public:
  Enumeration(const step::JointStep& joint, const cluster::Cluster& cluster, double below)
      : joint_(joint), cluster_(cluster), best_(below) {
    layers_ = op_a_layer(joint, num_layers_);
  }

  double run() {
    const int devices = cluster_.num_devices();
    for (int stages = 1; stages <= std::min(devices, num_layers_); ++stages)
      for (const auto& lengths : compositions(num_layers_, stages)) {
        std::vector<int> stage_of_layer;
        for (int s = 0; s < stages; ++s) stage_of_layer.insert(stage_of_layer.end(), lengths[s], s);
        const auto cut = step::cut(joint_, layers_, stage_of_layer);
        known_.clear();
        for (const auto& sizes : compositions(devices, stages)) whole(cut, sizes);
      }
    return best_;
  }

 private:
  void whole(const step::Cut& cut, const std::vector<int>& sizes) {
    std::vector<double> seconds;
    double sum = 0;
    int first = 0;
    for (const int n : sizes) {
      if (!allowed(cluster_, first, n)) return;
      first += n;
    }
    ++cuttings;
    first = 0;
    for (size_t s = 0; s < sizes.size(); ++s) {
      // A stage's seconds and the others' c_i can't be more than the step.
      seconds.push_back(stage(cut, static_cast<int>(s), first, sizes[s], best_ - sum));
      if (seconds.back() == kNever) return;
      sum += seconds.back() / joint_.microbatches;
      first += sizes[s];
    }
    best_ = std::min(best_, join(seconds, joint_.microbatches));
  }

  double stage(const step::Cut& cut, int s, int first, int devices, double below) {
    auto& [seconds, bound] = known_.try_emplace({s, first, devices}, kNever, 0.0).first->second;
    if (seconds < kNever || bound >= below) return seconds;
    for (const auto& view : views(devices)) {
      StagePrice price(cut, s, cluster_, first, cost::make_mesh(cluster_, first, view), joint_.microbatches);
      seconds = std::min(seconds, price.least(std::min(below, seconds)));
    }
    bound = below;
    return seconds;
  }

  const step::JointStep& joint_;
  const cluster::Cluster& cluster_;
  step::Layers layers_;
  int num_layers_ = 0;
  double best_;
  std::map<std::tuple<int, int, int>, std::pair<double, double>>
      known_;  // least seconds; or that there are none below the second
};

}  // namespace

double price(const plan::Plan& plan, const step::TrainStep& step) {
  const auto cut = plan::planned_cut(plan::planned_step(step, plan), plan);
  std::vector<double> seconds;
  for (size_t s = 0; s < plan.stages.size(); ++s) {
    const auto& stage = plan.stages[s];
    StagePrice price(cut, static_cast<int>(s), plan.cluster, stage.ranks.front(), stage.mesh,
                     plan.microbatches);
    seconds.push_back(price.of(stage.sharding.ops));
  }
  return join(seconds, plan.microbatches);
}

double enumerate(const step::TrainStep& step, const cluster::Cluster& cluster, double below) {
  cuttings = 0;
  double best = below;
  for (const int64_t size : step.microbatch_sizes)
    if (step.batch % size == 0)
      best = std::min(
          best,
          Enumeration(step::build_joint(step, static_cast<int>(step.batch / size)), cluster, best).run());
  return best < below ? best : kNever;
}

int64_t enumerated_cuttings() { return cuttings; }

}  // namespace cordata::tests
