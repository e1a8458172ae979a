// SPDX-License-Identifier: Apache-2.0
#include "cordata/planner/layer_costs.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>

#include "cordata/base/error.h"
#include "cordata/base/parallel.h"
#include "cordata/cost/meshes.h"
#include "cordata/cost/op_time.h"
#include "cordata/planner/intra_op/build.h"
#include "cordata/planner/intra_op/minimise.h"
#include "cordata/planner/intra_op/solve.h"

namespace cordata::planner {
namespace {

constexpr double kNever = std::numeric_limits<double>::infinity();
// Prices of memory: the share of the step that may be given for all of it.
constexpr double kPrices[] = {0.1, 1};

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

void add_choices(const ClosedLayer& layer, const std::vector<int>& choice,
                 std::vector<std::vector<sharding::Strategy>>& out) {
  using Kind = BuiltProblem::Node::Kind;
  for (size_t n = 0; n < choice.size(); ++n) {
    const auto& node = layer.nodes[n];
    if (node.kind == Kind::kOp) add_once(out[node.index], node.strategies[choice[n]]);
  }
}

// Nothing where sizes don't divide what may be chosen.
std::optional<ClosedLayer> closed(const StageView& part, const sharding::Mesh& mesh,
                                  const Restriction& restriction) {
  try {
    return build_closed_layer(part, mesh, restriction);
  } catch (const base::Error& e) {
    if (e.kind() != base::ErrorKind::kUser) throw;
    return std::nullopt;
  }
}

}  // namespace

double full_speed(const StageView& stage) {
  double seconds = 0;
  for (const auto& op : stage.ops)
    seconds += op.seconds * (op.pass.phase == step::Phase::kApply ? 1 : stage.microbatches);
  return seconds;
}

LayerCosts::LayerCosts(Parts parts, const std::vector<int>& same,
                       const std::vector<std::vector<int>>& base_ops, const cluster::Cluster& cluster,
                       PlannerLog& log, Limits limits, const LayerCosts* like)
    : parts_on_(std::move(parts)),
      parts_(parts_on_(cluster.kinds_in(0, 1))),
      same_(same),
      base_ops_(base_ops),
      cluster_(cluster),
      log_(log),
      limits_(std::move(limits)),
      like_(like) {}

std::vector<double> LayerCosts::least_work() const {
  std::vector<double> out(parts_.size(), kNever);
  for (const int kind : cluster_.kinds_in(0, cluster_.num_devices())) {
    const auto& parts = parts_on_({kind});
    for (size_t l = 0; l < out.size(); ++l)
      out[l] = same_[l] < static_cast<int>(l)
                   ? out[same_[l]]
                   : std::min(out[l], full_speed(parts[l]) / parts[l].microbatches);
  }
  return out;
}

LayerCosts::ByBase LayerCosts::by_base(int first, int last, const Place& place, int view) const {
  ByBase out;
  for (int layer = first; layer < last; ++layer) {
    const auto& chosen = views_.at(place)[view].choices[same_[layer]];
    for (size_t k = 0; k < chosen.size(); ++k)
      for (const auto& s : chosen[k]) add_once(out[base_ops_[layer][k]], s);
  }
  return out;
}

// What the layer's like chose between, where that was solved; for what it doesn't have, anything.
Restriction LayerCosts::as_like(int layer, const Place& place, int view) const {
  if (!like_) return {};
  const auto known = like_->views_.find(place);
  if (known == like_->views_.end() || layer >= static_cast<int>(like_->same_.size())) return {};
  auto by_base = like_->by_base(layer, layer + 1, place, view);
  Restriction out;
  out.op = [this, layer, by_base = std::move(by_base)](const StageView&, int op,
                                                       const sharding::Strategy& s) {
    const auto it = by_base.find(base_ops_[layer][op]);
    return it == by_base.end() || std::find(it->second.begin(), it->second.end(), s) != it->second.end();
  };
  return out;
}

// Without choices where it isn't there, or can't be as is asked.
ClosedLayer LayerCosts::build(int layer, const Place& place, int view, const sharding::Mesh& mesh) const {
  auto part = parts_on_(place.kinds)[layer];
  const double slower = cost::slowdown(cluster_, place.devices);
  for (auto& op : part.ops) op.slow_down(slower);
  const auto asked = limits_(layer, mesh);
  if (!asked) return {};
  if (auto narrow = closed(part, mesh, both(as_like(layer, place, view), *asked))) return std::move(*narrow);
  if (!like_) return {};
  widened_ = true;
  return closed(part, mesh, *asked).value_or(ClosedLayer());
}

LayerCosts::Layers LayerCosts::build(const Place& place, int view) const {
  const auto mesh = cost::make_mesh(cluster_, 0, cost::logical_views(place.devices)[view]);
  Layers out(parts_.size());
  for (size_t l = 0; l < parts_.size(); ++l)
    if (same_[l] == static_cast<int>(l)) out[l] = build(static_cast<int>(l), place, view, mesh);
  return out;
}

// Adds the mode in which a byte costs so many picoseconds.
void LayerCosts::solve(const Layers& layers, View& view, double price) const {
  std::vector<Taken> of_layer;
  for (size_t l = 0; l < parts_.size(); ++l) {
    if (same_[l] < static_cast<int>(l)) {
      of_layer.push_back(of_layer[same_[l]]);
      continue;
    }
    auto& taken_here = of_layer.emplace_back();
    taken_here.seconds = kNever;
    auto problem = priced(layers[l], price);
    if (const int bits = bits_too_many(problem); bits > 0) problem = coarser(std::move(problem), bits);
    const auto least = minimise(problem, {}, kInfinite, log_.time.at());
    log_.time.check();
    if (least.choice.empty()) continue;
    taken_here = taken(layers[l], least.choice, parts_[l].microbatches);
    add_choices(layers[l], least.choice, view.choices[l]);
  }
  Mode& mode = view.modes.emplace_back();
  mode.seconds = mode.held = mode.flight = {0};
  mode.missing = {0};
  std::vector<double> passing;
  for (const Taken& t : of_layer) {
    const bool there = std::isfinite(t.seconds);
    mode.missing.push_back(mode.missing.back() + !there);
    mode.seconds.push_back(mode.seconds.back() + (there ? t.seconds : 0));
    mode.held.push_back(mode.held.back() + t.held);
    mode.flight.push_back(mode.flight.back() + t.flight);
    passing.push_back(t.passing);
  }
  for (size_t n = 1; n <= of_layer.size(); n *= 2) {
    mode.passing.push_back(passing);
    for (size_t l = 0; l + 2 * n <= of_layer.size(); ++l) passing[l] = std::max(passing[l], passing[l + n]);
  }
}

LayerCosts::Jobs LayerCosts::jobs(const std::vector<Place>& places) {
  Jobs out;
  for (const Place& place : places) {
    if (views_.contains(place)) continue;
    parts_on_(place.kinds);  // made before several threads ask
    auto& all = views_[place];
    all.resize(cost::logical_views(place.devices).size());
    count(static_cast<int>(all.size()));
    for (size_t v = 0; v < all.size(); ++v)
      out.push_back({static_cast<int>(all.size()),
                     [this, place, v, &view = all[v]] { solve(place, static_cast<int>(v), view); }});
  }
  return out;
}

// All modes of a view.
void LayerCosts::solve(const Place& place, int number, View& view) const {
  const Layers layers = build(place, number);
  view.choices.resize(parts_.size());
  for (size_t l = 0; l < parts_.size(); ++l)
    if (same_[l] == static_cast<int>(l)) view.choices[l].resize(parts_[l].ops.size());
  solve(layers, view, 0);
  const Mode& free = view.modes[0];
  const double bytes = free.held.back() + free.flight.back() + 1;
  const double unit = free.seconds.back() * parts_[0].microbatches * 1e12 / bytes;
  for (const double p : kPrices) solve(layers, view, unit * p);
}

void LayerCosts::count(int views) {
  const int problems = views * (1 + static_cast<int>(std::size(kPrices)));
  for (size_t l = 0; l < parts_.size(); ++l) {
    const bool solved = same_[l] == static_cast<int>(l);
    (solved ? log_.problems_solved : log_.problems_reused) += problems;
    if (solved) log_.problems_built += views;
  }
}

double LayerCosts::estimate(const View& of, int first, int last, int in_flight, double limit) const {
  const auto seconds = [&](const Mode& m) { return m.seconds[last] - m.seconds[first]; };
  const auto held = [&](const Mode& m) {
    return m.held[last] - m.held[first] + in_flight * (m.flight[last] - m.flight[first]) +
           m.most_passing(first, last);
  };
  const Mode* before = nullptr;  // takes less time, and too much memory
  for (const Mode& mode : of.modes) {
    if (mode.missing[last] > mode.missing[first]) continue;
    const double bytes = held(mode);
    if (bytes > limit) {
      before = &mode;
      continue;
    }
    const double gain = before ? seconds(mode) - seconds(*before) : 0;
    if (gain <= 0) return seconds(mode);
    // As many layers as fit are in the mode before.
    const double count = last - first, share = (limit - bytes) / (held(*before) - bytes);
    return seconds(mode) - gain * std::floor(share * count) / count;
  }
  return kNever;
}

double LayerCosts::Mode::most_passing(int first, int last) const {
  const int level = std::bit_width(static_cast<unsigned>(last - first)) - 1;
  return std::max(passing[level][first], passing[level][last - (1 << level)]);
}

LayerCosts::Estimate LayerCosts::best(int first, int last, const Place& place, int in_flight, double limit) {
  if (!views_.contains(place)) run(jobs({place}));
  const auto& all = views_.at(place);
  Estimate best{kNever, -1};
  for (size_t v = 0; v < all.size(); ++v) {
    const Mode& fastest = all[v].modes[0];
    if (fastest.seconds[last] - fastest.seconds[first] >= best.seconds) continue;
    if (const double seconds = estimate(all[v], first, last, in_flight, limit); seconds < best.seconds)
      best = {seconds, static_cast<int>(v)};
  }
  return best;
}

void LayerCosts::run(Jobs jobs) {
  std::stable_sort(jobs.begin(), jobs.end(), [](const Job& a, const Job& b) { return a.size > b.size; });
  base::parallel_for(static_cast<int>(jobs.size()), [&](int j) { jobs[j].run(); });
}

}  // namespace cordata::planner
