// SPDX-License-Identifier: Apache-2.0
#include "tests/planner/stage_price.h"

#include <algorithm>
#include <limits>
#include <set>

#include "cordata/base/error.h"
#include "cordata/cost/op_time.h"
#include "cordata/ir/op_table.h"
#include "cordata/sharding/reshard.h"

namespace cordata::tests {
namespace {

using sharding::Sharding;
using sharding::Strategy;
using step::ArgKind;
using step::ResultKind;
constexpr double kNever = std::numeric_limits<double>::infinity();

// Every use of every axis, where each factor's size is divided. Only for rules whose dims are single factors.
std::vector<Strategy> assignments(const ir::FactorRule& rule, const sharding::Mesh& mesh) {
  std::vector<Strategy> out{Strategy{}};
  for (int axis = 0; axis < mesh.num_axes(); ++axis) {
    std::vector<Strategy> longer;
    for (const auto& s : out) {
      longer.push_back(s);
      for (int use = -1 - static_cast<int>(rule.linear.size()); use < static_cast<int>(rule.factors.size());
           ++use) {
        if (use == sharding::kNone) continue;
        longer.push_back(s);
        longer.back().use[axis] = static_cast<sharding::AxisUse>(use);
      }
    }
    out = longer;
  }
  std::erase_if(out, [&](const Strategy& s) {
    const auto shards = sharding::factor_shards(rule, s, mesh);
    for (size_t f = 0; f < shards.size(); ++f)
      if (rule.factors[f].size % shards[f] != 0) return true;
    return false;
  });
  return out;
}

}  // namespace

StagePrice::StagePrice(const step::Cut& cut, int stage, const cluster::Cluster& cluster, int first_device,
                       const sharding::Mesh& mesh, int microbatches)
    : cut_(cut),
      stage_(cut.stages[stage]),
      index_(stage),
      cluster_(cluster),
      first_device_(first_device),
      mesh_(mesh),
      microbatches_(microbatches) {
  std::vector<int> modules;  // what runs together (partition.h)
  const bool alone = cut.stages.size() == 1;
  for (const auto& pass : stage_.pass)
    if (!alone || microbatches > 1)
      modules.push_back(pass.phase == step::Phase::kApply ? 2 + pass.round
                        : alone                           ? 0
                                                          : static_cast<int>(pass.phase));
  const auto kinds = cluster.kinds_in(first_device, static_cast<int>(mesh.size()));
  times_ = cost::op_times(stage_.graph, cluster, kinds, modules);
  find_readers();
  add_strategies();
  add_units();
  order_ops();
}

void StagePrice::find_readers() {
  const auto& g = stage_.graph;
  maker_.assign(g.num_values(), -1);
  result_.assign(g.num_values(), -1);
  argument_.assign(g.num_values(), -1);
  sent_.assign(g.num_values(), false);
  readers_.resize(g.num_values());
  for (size_t a = 0; a < g.args().size(); ++a) argument_[g.args()[a].index] = static_cast<int>(a);
  for (size_t o = 0; o < g.ops().size(); ++o) {
    const auto& node = g.node(g.ops()[o]);
    for (int r = 0; r < node.num_results; ++r)
      maker_[node.result(r).index] = static_cast<int>(o), result_[node.result(r).index] = r;
    for (size_t k = 0; k < node.operands.size(); ++k)
      readers_[node.operands[k].index].push_back({static_cast<int>(o), static_cast<int>(k), stage_.pass[o]});
  }
  for (size_t r = 0; r < stage_.results.size(); ++r) {
    if (stage_.results[r].kind == ResultKind::kSent) sent_[g.results()[r].index] = true;
    if (stage_.results[r].kind == ResultKind::kLoss) loss_ = g.results()[r].index;
  }
}

void StagePrice::add_strategies() {
  const auto& g = stage_.graph;
  for (const auto id : g.ops()) {
    const auto& node = g.node(id);
    const auto rule = ir::factor_rule(g, node);
    strategies_.push_back(ir::is_constant_like(node.kind) ? std::vector<Strategy>{Strategy{}}
                                                          : assignments(rule, mesh_));
    auto& asks = asks_.emplace_back();
    auto& gives = gives_.emplace_back();
    for (const auto& s : strategies_.back()) {
      asks.emplace_back();
      gives.emplace_back();
      for (size_t k = 0; k < node.operands.size(); ++k)
        asks.back().push_back(sharding::operand_sharding(rule, s, static_cast<int>(k)));
      for (int r = 0; r < node.num_results; ++r)
        gives.back().push_back(sharding::result_sharding(rule, s, r));
    }
  }
}

void StagePrice::add_units() {
  const auto& g = stage_.graph;
  std::set<int> in_pairs;
  for (size_t a = 0; a < g.args().size(); ++a) {
    Unit unit{.value = g.args()[a].index};
    const auto& arg = stage_.args[a];
    for (size_t r = 0; r < stage_.results.size(); ++r) {
      const auto& result = stage_.results[r];
      const bool mine = (result.kind == ResultKind::kNewParam && arg.kind == ArgKind::kParam && arg.owner) ||
                        (result.kind == ResultKind::kNewOptState && arg.kind == ArgKind::kOptState);
      if (mine && result.index == arg.index && g.results()[r].index != unit.value)
        unit.new_value = g.results()[r].index;
    }
    if (unit.new_value >= 0 && !in_pairs.insert(unit.new_value).second)
      throw base::internal_error("[tests] one value is the new value of two arguments");
    units_.push_back(unit);
  }
  for (int v = 0; v < g.num_values(); ++v)
    if (maker_[v] >= 0 && !in_pairs.contains(v) && !ir::is_constant_like(g.node(g.ops()[maker_[v]]).kind))
      units_.push_back({.value = v});
  for (Unit& unit : units_) {
    std::set<int> ops;
    for (const int v : {unit.value, unit.new_value}) {
      if (v >= 0 && maker_[v] >= 0) ops.insert(maker_[v]);
      if (v >= 0)
        for (const auto& r : readers_[v]) ops.insert(r.op);
    }
    unit.ops.assign(ops.begin(), ops.end());
  }
}

// Always the op after which the fewest assignments of open ops are left.
void StagePrice::order_ops() {
  const int n = static_cast<int>(strategies_.size());
  std::vector<bool> given(n, false);
  const auto open_with = [&](int next) {
    std::set<int> open;
    for (const auto& unit : units_) {
      const auto has = [&](int o) { return given[o] || o == next; };
      if (!std::all_of(unit.ops.begin(), unit.ops.end(), has))
        std::copy_if(unit.ops.begin(), unit.ops.end(), std::inserter(open, open.end()), has);
    }
    return std::vector<int>(open.begin(), open.end());
  };
  const auto done = [&](const Unit& unit) {
    return std::all_of(unit.ops.begin(), unit.ops.end(), [&](int o) { return given[o]; });
  };
  while (static_cast<int>(order_.size()) < n) {
    int best = -1;
    double least = kNever;
    for (int o = 0; o < n; ++o) {
      if (given[o]) continue;
      double states = 1;
      for (const int open : open_with(o)) states *= static_cast<double>(strategies_[open].size());
      if (states < least) least = states, best = o;
    }
    std::vector<bool> before;
    for (const auto& unit : units_) before.push_back(done(unit));
    open_.push_back(open_with(best));
    given[best] = true;
    order_.push_back(best);
    units_done_.emplace_back();
    for (size_t u = 0; u < units_.size(); ++u)
      if (!before[u] && done(units_[u])) units_done_.back().push_back(static_cast<int>(u));
  }
}

double StagePrice::op_price(int op, int strategy) const {
  double shards = 1;
  for (int axis = 0; axis < mesh_.num_axes(); ++axis)
    if (strategies_[op][strategy].use[axis] >= 0) shards *= static_cast<double>(mesh_.shape[axis]);
  const auto& node = stage_.graph.node(stage_.graph.ops()[op]);
  const auto part = [&](ir::ValueId v, const Sharding& s) {
    const auto& type = stage_.graph.type(v);
    return static_cast<double>(sharding::local_type(type, s, mesh_).num_bytes()) /
           static_cast<double>(type.num_bytes());
  };
  double moved = 0;  // of what isn't cut, all
  for (size_t k = 0; k < times_[op].read.size(); ++k)
    if (times_[op].read[k] > 0) moved += times_[op].read[k] * part(node.operands[k], asks_[op][strategy][k]);
  for (size_t r = 0; r < times_[op].written.size(); ++r)
    if (times_[op].written[r] > 0)
      moved += times_[op].written[r] * part(node.result(static_cast<int>(r)), gives_[op][strategy][r]);
  return (std::max(times_[op].seconds / shards, moved) + times_[op].launch) * weight(stage_.pass[op]);
}

// What comes from other stages: local bytes over the link at the edge that it crosses, which the devices of a
// host share when it leaves hosts.
double StagePrice::arrival(int arg, const Sharding& rest) const {
  double total = 0;
  for (const auto& t : cut_.transfers) {
    if (t.to_stage != index_ || t.to_arg != arg) continue;
    const int edge = t.from_stage < index_ ? first_device_ : first_device_ + static_cast<int>(mesh_.size());
    const bool leaves_host = edge % cluster_.devices_per_host == 0;
    auto link = leaves_host ? cluster_.inter : cluster_.intra;
    const int to = edge % cluster_.devices_per_host;
    for (const auto& w : cluster_.wires)
      if (!leaves_host && w.a == to - 1 && w.b == to) link.bandwidth = w.count * w.bandwidth;
    const double share =
        leaves_host ? std::min<double>(static_cast<double>(mesh_.size()), cluster_.devices_per_host) : 1;
    const double bytes = static_cast<double>(sharding::local_type(t.type, rest, mesh_).num_bytes());
    total += (link.alpha.value + bytes * share / link.bandwidth.value) * weight(t.sent_after);
  }
  return total;
}

double StagePrice::move(int value, const Sharding& from, const Sharding& to) {
  if (from == to) return 0;
  const auto [it, fresh] = moves_.try_emplace({value, from, to}, 0);
  if (!fresh) return it->second;
  const auto path = sharding::reshard_path(stage_.graph.type(ir::ValueId(value)), from, to, mesh_);
  if (!path) return it->second = kNever;
  for (const auto& s : *path) it->second += s.seconds.value;
  return it->second;
}

const std::vector<Sharding>& StagePrice::shardings(int value, bool with_partial) {
  auto& known = shardings_[{value, with_partial}];
  if (known.empty())
    known = sharding::enumerate_shardings(stage_.graph.type(ir::ValueId(value)), mesh_, with_partial);
  return known;
}

// By pass, each sharding once. The loss is wanted whole, when it is all there.
StagePrice::Wants StagePrice::wants(int value) const {
  Wants out;
  for (const auto& r : readers_[value]) out[r.pass].insert(asks_[r.op][number_[r.op]][r.operand]);
  if (value == loss_ && maker_[value] >= 0) {
    const bool summed = stage_.graph.node(stage_.graph.ops()[maker_[value]]).kind == ir::OpKind::kAccumulate;
    out[summed ? step::Pass{step::Phase::kApply, 0} : stage_.pass[maker_[value]]].insert(Sharding{});
  }
  return out;
}

// Readers of one later pass, which start at `from` or at a hub.
double StagePrice::read(int value, const step::Pass& pass, const std::set<Sharding>& wants,
                        const Sharding& from) {
  double best = 0;
  for (const auto& w : wants) best += move(value, from, w);
  if (wants.size() > 1)
    for (const auto& hub : shardings(value, true)) {
      double sum = move(value, from, hub);
      for (const auto& w : wants) sum += move(value, hub, w);
      best = std::min(best, sum);
    }
  return best * weight(pass);
}

const Sharding& StagePrice::home(int value) const {
  return gives_[maker_[value]][number_[maker_[value]]][result_[value]];
}

// A value that an op makes: kept where it is, or at a hub in its own pass.
double StagePrice::made_value(int value, Wants wants) {
  const auto& made = stage_.pass[maker_[value]];
  double best = kNever;
  for (const auto& kept : shardings(value, true)) {
    double sum = move(value, home(value), kept) * weight(made);
    for (auto it = wants.begin(); it != wants.end() && sum < best; ++it) {
      if (it->first != made)
        sum += read(value, it->first, it->second, kept);
      else
        for (const auto& w : it->second) sum += move(value, kept, w) * weight(made);
    }
    if (sent_[value] && sum < best) {
      double leave = kNever;
      for (const auto& to : shardings(value, false)) leave = std::min(leave, move(value, kept, to));
      sum += leave * weight(made);
    }
    best = std::min(best, sum);
  }
  return best;
}

double StagePrice::argument(const Unit& unit) {
  const auto asked = wants(unit.value);
  double best = kNever;
  for (const auto& rest : shardings(unit.value, false)) {
    double sum = arrival(argument_[unit.value], rest);
    for (const auto& [pass, list] : asked) sum += read(unit.value, pass, list, rest);
    if (unit.new_value >= 0 && sum < best) {
      auto of_new = wants(unit.new_value);
      of_new[stage_.pass[maker_[unit.new_value]]].insert(rest);
      sum += made_value(unit.new_value, of_new);
    }
    best = std::min(best, sum);
  }
  return best;
}

std::vector<Sharding> StagePrice::key(const Unit& unit) const {
  std::vector<Sharding> out;
  for (const int v : {unit.value, unit.new_value}) {
    if (v < 0) continue;
    if (maker_[v] >= 0) out.push_back(home(v));
    for (const auto& r : readers_[v]) out.push_back(asks_[r.op][number_[r.op]][r.operand]);
  }
  return out;
}

double StagePrice::unit_price(Unit& unit) {
  const auto [seen, unseen] = unit.seen.try_emplace(packed(unit.ops), 0);
  if (!unseen) return seen->second;
  const auto [it, fresh] = unit.known.try_emplace(key(unit), 0);
  if (fresh)
    it->second = maker_[unit.value] >= 0 ? made_value(unit.value, wants(unit.value)) : argument(unit);
  return seen->second = it->second;
}

// The numbers of these ops' strategies as one.
uint64_t StagePrice::packed(const std::vector<int>& ops) const {
  uint64_t out = 0;
  for (const int o : ops) out = out * strategies_[o].size() + number_[o];
  return out;
}

void StagePrice::unpack(uint64_t state, const std::vector<int>& ops) {
  for (size_t k = ops.size(); k-- > 0;) {
    number_[ops[k]] = static_cast<int>(state % strategies_[ops[k]].size());
    state /= strategies_[ops[k]].size();
  }
}

double StagePrice::of(const std::vector<Strategy>& ops) {
  double sum = 0;
  number_.clear();
  for (size_t o = 0; o < ops.size(); ++o) {
    number_.push_back(static_cast<int>(std::find(strategies_[o].begin(), strategies_[o].end(), ops[o]) -
                                       strategies_[o].begin()));
    if (number_[o] == static_cast<int>(strategies_[o].size())) return kNever;
    sum += op_price(static_cast<int>(o), number_[o]);
  }
  for (auto& unit : units_)
    if (!unit.ops.empty()) sum += unit_price(unit);
  return sum;
}

double StagePrice::least(double below) {
  const size_t n = strategies_.size();
  std::vector<double> rest(n + 1, 0);  // the ops from a place on, as fast as they can be
  for (size_t p = n; p-- > 0;) {
    double fastest = kNever;
    for (size_t i = 0; i < strategies_[order_[p]].size(); ++i)
      fastest = std::min(fastest, op_price(order_[p], static_cast<int>(i)));
    rest[p] = rest[p + 1] + fastest;
  }
  number_.assign(n, 0);
  std::unordered_map<uint64_t, double> states{
      {0, 0.0}};  // strategies of the open ops -> the least price so far
  std::vector<int> open;
  for (size_t p = 0; p < n; ++p) {
    std::unordered_map<uint64_t, double> next;
    for (const auto& [state, price] : states) {
      unpack(state, open);
      for (int& i = number_[order_[p]] = 0; i < static_cast<int>(strategies_[order_[p]].size()); ++i) {
        double sum = price + op_price(order_[p], i);
        for (const int u : units_done_[p]) {
          if (sum + rest[p + 1] >= below) break;
          sum += unit_price(units_[u]);
        }
        if (sum + rest[p + 1] >= below) continue;
        const auto [it, fresh] = next.try_emplace(packed(open_[p]), sum);
        if (!fresh) it->second = std::min(it->second, sum);
      }
    }
    states = std::move(next);
    open = open_[p];
  }
  return states.empty() ? kNever : states.begin()->second;
}

}  // namespace cordata::tests
