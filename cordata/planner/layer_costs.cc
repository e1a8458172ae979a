// SPDX-License-Identifier: Apache-2.0
#include "cordata/planner/layer_costs.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "cordata/base/parallel.h"
#include "cordata/cost/meshes.h"
#include "cordata/cost/op_time.h"
#include "cordata/planner/baselines/restrictions.h"
#include "cordata/planner/intra_op/build.h"
#include "cordata/planner/intra_op/minimise.h"
#include "cordata/planner/intra_op/solve.h"

namespace cordata::planner {
namespace {

constexpr double kNever = std::numeric_limits<double>::infinity();
// Prices of memory: the share of the step that may be given for all of it.
constexpr double kPrices[] = {0.1, 1};
constexpr double kHopeless = 5;  // times the best view's step: not looked at any closer

// What one layer takes in one mode.
struct Taken {
  double seconds = 0, held = 0, flight = 0, passing = 0;
};

int64_t bytes_of(const std::vector<std::vector<int64_t>>& bytes, const std::vector<int>& choice) {
  int64_t sum = 0;
  for (size_t n = 0; n < bytes.size(); ++n)
    if (!bytes[n].empty()) sum += bytes[n][choice[n]];
  return sum;
}

Taken taken(const ClosedLayer& layer, const std::vector<int>& choice, int microbatches) {
  Taken out;
  const auto cost = evaluate(layer.problem, choice);
  out.seconds = cost ? static_cast<double>(*cost) * 1e-12 / microbatches : kNever;
  out.held = static_cast<double>(bytes_of(layer.held, choice));
  out.flight = static_cast<double>(bytes_of(layer.flight, choice));
  out.passing = std::max(0.0, static_cast<double>(peak_usage(layer.problem, choice)) - out.held - out.flight);
  return out;
}

// The problem in which a byte held costs `price` picoseconds.
Problem priced(const ClosedLayer& layer, double price) {
  Problem out = layer.problem;
  for (size_t n = 0; n < out.nodes.size(); ++n)
    for (const auto* bytes : {&layer.held[n], &layer.flight[n]})
      for (size_t s = 0; s < bytes->size(); ++s)
        if (out.nodes[n].cost[s] != kInfinite)
          out.nodes[n].cost[s] += std::llround(price * static_cast<double>((*bytes)[s]));
  return out;
}

template <typename T>
void add_once(std::vector<T>& list, const T& item) {
  if (std::find(list.begin(), list.end(), item) == list.end()) list.push_back(item);
}

void add_choices(const ClosedLayer& layer, const std::vector<int>& choice, LayerCosts::Choices& out) {
  using Kind = BuiltProblem::Node::Kind;
  for (size_t n = 0; n < choice.size(); ++n) {
    const auto& node = layer.nodes[n];
    if (node.kind == Kind::kOp) add_once(out.ops[node.index], node.strategies[choice[n]]);
    if (node.kind == Kind::kArg) add_once(out.args[node.index], node.shardings[choice[n]]);
  }
}

}  // namespace

LayerCosts::LayerCosts(const std::vector<StageView>& parts, const std::vector<int>& same,
                       const cluster::Cluster& cluster, std::string restriction, PlannerLog& log)
    : parts_(parts), same_(same), cluster_(cluster), restriction_(std::move(restriction)), log_(log) {}

std::vector<double> LayerCosts::least_work() const {
  std::vector<double> out;
  for (const auto& part : parts_) {
    double seconds = 0;
    for (const auto& op : part.ops)
      seconds += op.seconds * (op.pass.phase == step::Phase::kApply ? 1 : part.microbatches);
    out.push_back(seconds / part.microbatches);
  }
  return out;
}

LayerCosts::View LayerCosts::build(int devices, const std::vector<int64_t>& shape) const {
  const auto mesh = cost::make_mesh(cluster_, 0, shape);
  const double slower = cost::slowdown(cluster_, devices);
  View out;
  out.choices.resize(parts_.size()), out.layers.resize(parts_.size());
  for (size_t l = 0; l < parts_.size(); ++l) {
    if (same_[l] < static_cast<int>(l)) continue;
    auto part = parts_[l];
    for (auto& op : part.ops) op.seconds *= slower, op.launch *= slower;
    out.layers[l] = build_closed_layer(
        part, mesh, restriction_.empty() ? Restriction{} : planner::restriction(restriction_, part, mesh));
    out.choices[l].ops.resize(part.ops.size()), out.choices[l].args.resize(part.args.size());
  }
  return out;
}

// Adds the mode in which a byte costs so many picoseconds.
void LayerCosts::solve(View& view, double price) const {
  std::vector<Taken> of_layer;
  for (size_t l = 0; l < parts_.size(); ++l) {
    if (same_[l] < static_cast<int>(l)) {
      of_layer.push_back(of_layer[same_[l]]);
      continue;
    }
    auto& taken_here = of_layer.emplace_back();
    taken_here.seconds = kNever;
    auto problem = priced(view.layers[l], price);
    if (const int bits = bits_too_many(problem); bits > 0) problem = coarser(std::move(problem), bits);
    const auto least = minimise(problem, {}, kInfinite, Clock::time_point::max());
    if (least.choice.empty()) continue;
    taken_here = taken(view.layers[l], least.choice, parts_[l].microbatches);
    add_choices(view.layers[l], least.choice, view.choices[l]);
  }
  Mode& mode = view.modes.emplace_back();
  mode.seconds = mode.held = mode.flight = {0};
  for (const Taken& t : of_layer) {
    mode.seconds.push_back(mode.seconds.back() + t.seconds);
    mode.held.push_back(mode.held.back() + t.held);
    mode.flight.push_back(mode.flight.back() + t.flight);
    mode.passing.push_back(t.passing);
  }
}

// All views without a price first; then, at prices, those that could be the best for some memory.
const std::vector<LayerCosts::View>& LayerCosts::views(int devices) {
  const auto [it, fresh] = views_.try_emplace(devices);
  if (!fresh) return it->second;
  auto shapes = cost::logical_views(devices);
  if (!restriction_.empty())
    std::erase_if(shapes, [](const auto& s) { return s.size() > 1; });  // baselines use one axis
  auto& all = it->second;
  all.resize(shapes.size());
  const int count = static_cast<int>(shapes.size());
  base::parallel_for(count, [&](int v) { solve(all[v] = build(devices, shapes[v]), 0); });
  double least = kNever;
  for (const View& v : all) least = std::min(least, v.modes[0].seconds.back());
  base::parallel_for(count, [&](int v) {
    const Mode& free = all[v].modes[0];
    if (free.seconds.back() < least * kHopeless) {
      const double all_of_it = free.held.back() + free.flight.back() + 1;
      const double unit = free.seconds.back() * parts_[0].microbatches * 1e12 / all_of_it;
      for (const double p : kPrices) solve(all[v], unit * p);
    }
    all[v].layers.clear();
  });
  for (const View& v : all)
    for (size_t l = 0; l < parts_.size(); ++l) {
      const int solved = static_cast<int>(v.modes.size());
      (same_[l] == static_cast<int>(l) ? log_.problems_solved : log_.problems_reused) += solved;
      log_.problems_built += same_[l] == static_cast<int>(l);
    }
  return all;
}

const LayerCosts::Choices& LayerCosts::choices(int layer, int devices, int view) {
  return views(devices)[view].choices[same_[layer]];
}

LayerCosts::Estimate LayerCosts::estimate(const View& of, int first, int last, int in_flight,
                                          double limit) const {
  const auto& view = of.modes;
  const auto held = [&](const Mode& m) {
    const double most = *std::max_element(m.passing.begin() + first, m.passing.begin() + last);
    return m.held[last] - m.held[first] + in_flight * (m.flight[last] - m.flight[first]) + most;
  };
  Estimate best{kNever, -1, 0};
  for (size_t m = 0; m < view.size(); ++m) {
    const double bytes = held(view[m]);
    double seconds = view[m].seconds[last] - view[m].seconds[first];
    if (bytes > limit || !std::isfinite(seconds)) continue;
    if (m > 0) {  // as many layers as fit are in the mode before
      const double before = held(view[m - 1]),
                   gain = seconds - (view[m - 1].seconds[last] - view[m - 1].seconds[first]);
      if (before > limit && gain > 0) {
        const double count = last - first, share = (limit - bytes) / (before - bytes);
        const double all = std::floor(share * count) / count;
        seconds -= gain * all;
      }
    }
    if (seconds < best.seconds) best.seconds = seconds, best.held = std::min(bytes, limit);
  }
  return best;
}

std::vector<LayerCosts::Estimate> LayerCosts::by_view(int first, int last, int devices, int in_flight,
                                                      double limit) {
  std::vector<Estimate> out;
  const auto& all = views(devices);
  for (size_t v = 0; v < all.size(); ++v) {
    out.push_back(estimate(all[v], first, last, in_flight, limit));
    out.back().view = static_cast<int>(v);
  }
  return out;
}

LayerCosts::Estimate LayerCosts::best(int first, int last, int devices, int in_flight, double limit) {
  Estimate best{kNever, -1, 0};
  for (const auto& e : by_view(first, last, devices, in_flight, limit))
    if (e.seconds < best.seconds) best = e;
  return best;
}

}  // namespace cordata::planner
