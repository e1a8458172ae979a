// SPDX-License-Identifier: Apache-2.0
#include "cordata/planner/layer_costs.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>
#include <unordered_map>

#include "cordata/base/error.h"
#include "cordata/base/parallel.h"
#include "cordata/cost/meshes.h"
#include "cordata/cost/op_time.h"
#include "cordata/planner/intra_op/build.h"
#include "cordata/planner/intra_op/describe.h"
#include "cordata/planner/intra_op/minimise.h"
#include "cordata/planner/intra_op/solve.h"

namespace cordata::planner {
namespace {

constexpr double kNever = std::numeric_limits<double>::infinity();
// Prices of memory, by mode: the share of the step that may be given for all of it.
constexpr double kPrices[] = {0, 0.1, 1};
// Devices of a stage up to which everything is chosen from; on more, what was chosen on half as many.
constexpr int kFew = 64;

int64_t bytes_of(const std::vector<std::vector<int64_t>>& bytes, const std::vector<int>& choice) {
  int64_t sum = 0;
  for (size_t n = 0; n < bytes.size(); ++n)
    if (!bytes[n].empty()) sum += bytes[n][choice[n]];
  return sum;
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
    seconds += op.least() * (op.pass.phase == step::Phase::kApply ? 1 : stage.microbatches);
  return seconds;
}

LayerCosts::LayerCosts(Parts parts, const std::vector<int>& part_of,
                       const std::vector<std::vector<int>>& base_ops, const cluster::Cluster& cluster,
                       PlannerLog& log, Limits limits, const LayerCosts* like)
    : parts_on_(std::move(parts)),
      parts_(parts_on_(cluster.kinds_in(0, 1))),
      part_of_(part_of),
      base_ops_(base_ops),
      cluster_(cluster),
      log_(log),
      limits_(std::move(limits)),
      like_(like) {
  for (size_t l = 0; l < part_of.size(); ++l) first_layer_.try_emplace(part_of[l], static_cast<int>(l));
  std::unordered_map<std::string, int> with;
  for (const auto& [part, layer] : first_layer_)
    first_part_[part] = with.try_emplace(structure(parts_[part]), part).first->second;
}

std::vector<double> LayerCosts::least_work() const {
  std::vector<double> least(parts_.size(), kNever), out;
  for (const int kind : cluster_.kinds_in(0, cluster_.num_devices()))
    for (const auto& parts = parts_on_({kind}); const auto& [p, layer] : first_layer_)
      least[p] = std::min(least[p], full_speed(parts[p]) / parts[p].microbatches);
  for (const int p : part_of_) out.push_back(least[p]);
  return out;
}

LayerCosts::ByBase LayerCosts::by_base(int first, int last, const Place& place, int view) const {
  ByBase out;
  for (int layer = first; layer < last; ++layer) {
    const auto& chosen = views_.at(place)[view].choices[part_of_[layer]];
    for (size_t k = 0; k < chosen.size(); ++k)
      if (const int op = base_ops_[layer][k]; op >= 0)
        for (const auto& s : chosen[k]) add_once(out[op], s);
  }
  return out;
}

// What the layer's like chose between, where that was solved; for what it doesn't have, anything.
Restriction LayerCosts::as_like(int part, const Place& place, int view) const {
  const int layer = first_layer_.at(part);
  if (!like_ || free_.contains(place) || layer >= static_cast<int>(like_->part_of_.size())) return {};
  if (!like_->views_.contains(place)) return {};
  auto by_base = like_->by_base(layer, layer + 1, place, view);
  Restriction out;
  out.op = [this, layer, by_base = std::move(by_base)](const StageView&, int op,
                                                       const sharding::Strategy& s) {
    const auto it = by_base.find(base_ops_[layer][op]);
    return it == by_base.end() || std::find(it->second.begin(), it->second.end(), s) != it->second.end();
  };
  return out;
}

// What the part chose between on the views that have half as many devices along an axis.
std::vector<std::vector<sharding::Strategy>> LayerCosts::on_half(int part, const Place& place,
                                                                 const sharding::Mesh& mesh) const {
  std::vector<std::vector<sharding::Strategy>> out(parts_[part].ops.size());
  const Place half{place.devices / 2, place.kinds};
  const auto known = views_.find(half);
  if (place.devices <= kFew || place.devices % 2 != 0 || known == views_.end()) return out;
  const auto shapes = cost::logical_views(half.devices);
  for (int axis = 0; axis < mesh.num_axes(); ++axis) {
    auto shape = mesh.shape;
    shape[axis] /= 2;
    const auto at = std::find(shapes.begin(), shapes.end(), shape);
    if (at == shapes.end()) continue;  // one axis only
    const auto& chosen = known->second[at - shapes.begin()].choices[part];
    for (size_t k = 0; k < chosen.size(); ++k)
      for (const auto& s : chosen[k]) add_once(out[k], s);
  }
  return out;
}

// One of what was chosen, for ops that can have all of it.
Restriction LayerCosts::one_of(int part, std::vector<std::vector<sharding::Strategy>> chosen,
                               const sharding::Mesh& mesh) const {
  const auto& ops = parts_[part].ops;
  std::vector<char> can(chosen.size(), 0);
  for (size_t k = 0; k < chosen.size(); ++k) {
    if (ops[k].constant_like || chosen[k].empty()) continue;
    const auto all = sharding::enumerate_strategies(ops[k].rule, mesh);
    can[k] = std::all_of(chosen[k].begin(), chosen[k].end(),
                         [&](const auto& s) { return std::find(all.begin(), all.end(), s) != all.end(); });
  }
  Restriction out;
  if (std::find(can.begin(), can.end(), 1) == can.end()) return out;
  out.op = [chosen = std::move(chosen), can = std::move(can)](const StageView&, int op,
                                                              const sharding::Strategy& s) {
    return !can[op] || std::find(chosen[op].begin(), chosen[op].end(), s) != chosen[op].end();
  };
  return out;
}

// Without choices where it isn't there, or can't be as is asked.
ClosedLayer LayerCosts::build(int part, const Place& place, int number, const View& view) const {
  const auto mesh = cost::make_mesh(cluster_, 0, cost::logical_views(place.devices)[number]);
  auto here = parts_on_(place.kinds)[part];
  const double slower = cost::slowdown(cluster_, place.devices);
  for (auto& op : here.ops) op.slow_down(slower);
  const auto asked = limits_(part, mesh);
  if (!asked) return {};
  Restriction few = as_like(part, place, number);
  const int first = first_part_.at(part);  // of the same structure
  if (!few.op) few = one_of(part, first != part ? view.choices[first] : on_half(part, place, mesh), mesh);
  const bool narrow = static_cast<bool>(few.op);
  if (auto out = closed(here, mesh, both(std::move(few), *asked))) return std::move(*out);
  return narrow ? closed(here, mesh, *asked).value_or(ClosedLayer()) : ClosedLayer();
}

// What a layer takes where a byte costs so many picoseconds; what it chose is put to the view's choices.
LayerCosts::Taken LayerCosts::solve(const ClosedLayer& layer, int part, double price, View& view) const {
  Taken out;
  out.seconds = kNever;
  auto problem = priced(layer, price);
  if (const int bits = bits_too_many(problem); bits > 0) problem = coarser(std::move(problem), bits);
  const auto least = minimise(problem, {}, kInfinite, log_.time.at());
  log_.time.check();
  if (least.choice.empty()) return out;
  add_choices(layer, least.choice, view.choices[part]);
  const auto& choice = least.choice;
  const auto cost = evaluate(layer.problem, choice);
  out.seconds = cost ? static_cast<double>(*cost) * 1e-12 / parts_[part].microbatches : kNever;
  out.held = static_cast<double>(bytes_of(layer.held, choice));
  out.flight = static_cast<double>(bytes_of(layer.flight, choice));
  out.passing = std::max(0.0, static_cast<double>(peak_usage(layer.problem, choice)) - out.held - out.flight);
  return out;
}

LayerCosts::Mode LayerCosts::add_up(const std::vector<Taken>& of_part) const {
  Mode mode;
  mode.seconds = mode.held = mode.flight = {0};
  mode.missing = {0};
  std::vector<double> passing;
  for (const int part : part_of_) {
    const Taken& t = of_part[part];
    const bool there = std::isfinite(t.seconds);
    mode.missing.push_back(mode.missing.back() + !there);
    mode.seconds.push_back(mode.seconds.back() + (there ? t.seconds : 0));
    mode.held.push_back(mode.held.back() + t.held);
    mode.flight.push_back(mode.flight.back() + t.flight);
    passing.push_back(t.passing);
  }
  for (size_t n = 1; n <= part_of_.size(); n *= 2) {
    mode.passing.push_back(passing);
    for (size_t l = 0; l + 2 * n <= part_of_.size(); ++l) passing[l] = std::max(passing[l], passing[l + n]);
  }
  return mode;
}

// All modes of a view. Parts that are the first of their structure choose from everything; how much time the
// step may give for memory is told from them.
void LayerCosts::solve(const Place& place, int number, View& view) const {
  std::vector<std::vector<Taken>> modes(std::size(kPrices), std::vector<Taken>(parts_.size()));
  view.choices.resize(parts_.size());
  for (const auto& [part, layer] : first_layer_) view.choices[part].resize(parts_[part].ops.size());
  std::map<int, ClosedLayer> firsts;
  for (const auto& [part, first] : first_part_)
    if (part == first) {
      firsts[part] = build(part, place, number, view);
      modes[0][part] = solve(firsts[part], part, 0, view);
    }
  double seconds = 0, bytes = 1;
  for (const int part : part_of_) {
    const Taken& t = modes[0][first_part_.at(part)];
    if (std::isfinite(t.seconds)) seconds += t.seconds, bytes += t.held + t.flight;
  }
  const double unit = seconds * parts_[part_of_[0]].microbatches * 1e12 / bytes;
  for (const auto& [part, layer] : firsts)
    for (size_t m = 1; m < modes.size(); ++m) modes[m][part] = solve(layer, part, unit * kPrices[m], view);
  for (const auto& [part, first] : first_part_) {
    if (part == first) continue;
    const ClosedLayer layer = build(part, place, number, view);
    for (size_t m = 0; m < modes.size(); ++m) modes[m][part] = solve(layer, part, unit * kPrices[m], view);
  }
  for (const auto& of_part : modes) view.modes.push_back(add_up(of_part));
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
      out.push_back({std::max(kFew, place.devices), static_cast<int>(all.size()),
                     [this, place, v, &view = all[v]] { solve(place, static_cast<int>(v), view); }});
  }
  return out;
}

LayerCosts::Jobs LayerCosts::jobs_again(const std::vector<Place>& places, bool all) {
  for (const Place& place : places) {
    views_.erase(place);
    if (all) free_.insert(place);
  }
  return jobs(places);
}

void LayerCosts::count(int views) {
  const int modes = static_cast<int>(std::size(kPrices)), parts = static_cast<int>(first_layer_.size());
  log_.problems_built += views * parts;
  log_.problems_solved += views * modes * parts;
  log_.problems_reused += views * modes * (static_cast<int>(part_of_.size()) - parts);
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
  std::stable_sort(jobs.begin(), jobs.end(), [](const Job& a, const Job& b) {
    return a.level != b.level ? a.level < b.level : a.size > b.size;
  });
  for (size_t begin = 0, end = 0; begin < jobs.size(); begin = end) {
    while (end < jobs.size() && jobs[end].level == jobs[begin].level) ++end;
    base::parallel_for(static_cast<int>(end - begin), [&](int j) { jobs[begin + j].run(); });
  }
}

}  // namespace cordata::planner
