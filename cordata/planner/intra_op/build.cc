// SPDX-License-Identifier: Apache-2.0
#include "cordata/planner/intra_op/build.h"

#include <algorithm>
#include <map>
#include <optional>
#include <set>
#include <tuple>

#include "cordata/base/error.h"
#include "cordata/planner/intra_op/local_time.h"
#include "cordata/planner/intra_op/peak.h"
#include "cordata/planner/intra_op/reshard_costs.h"

namespace cordata::planner {
namespace {

using sharding::Sharding;
using sharding::Strategy;
using Node = BuiltProblem::Node;

// Collectives run in one order, and compilers issue them early: so many ops before its reader a tensor that
// is resharded for it may be there.
constexpr int kAhead = 1;

// Someone who wants a value: node `node` in pass `pass`; by choice of that node, the shardings it asks for
// (several when an op reads the value more than once).
struct Reader {
  step::Pass pass;
  int node;
  int time;
  std::vector<std::vector<Sharding>> wants;
};

class Builder {
 public:
  Builder(const StageView& stage, const sharding::Mesh& mesh, const Restriction& restriction)
      : stage_(stage),
        mesh_(mesh),
        restriction_(restriction),
        home_(stage.values.size(), -1),
        maker_(stage.values.size(), -1),
        readers_(stage.values.size()) {
    order_ops();
  }

  BuiltProblem run() {
    add_nodes(true);
    for (size_t v = 0; v < stage_.values.size(); ++v)
      if (stage_.values[v].is_tensor()) connect(static_cast<int>(v));
    return std::move(out_);
  }

  Problem run_layer() {
    add_nodes(false);
    for (size_t v = 0; v < stage_.values.size(); ++v)
      if (stage_.values[v].is_tensor()) connect_layer(static_cast<int>(v));
    return std::move(out_.problem);
  }

  ClosedLayer run_closed() {
    add_nodes(false);
    const auto leaves_as = find_leavers();
    std::map<int, int> boundary;  // leaving value -> its hub
    for (const auto& [entering, leaving] : leaves_as)
      if (!boundary.contains(leaving)) boundary[leaving] = add_boundary(entering, leaving);
    for (size_t v = 0; v < stage_.values.size(); ++v) {
      if (!stage_.values[v].is_tensor()) continue;
      const int value = static_cast<int>(v);
      const auto enters = leaves_as.find(value);
      if (const auto at = boundary.find(value); at != boundary.end())
        connect_from(value, at->second, true);
      else if (enters != leaves_as.end())
        connect_from(value, boundary.at(enters->second), false);
      else if (home_[v] < 0)
        connect_layer(value);
      else
        connect(value);
    }
    held_.resize(out_.problem.nodes.size()), flight_.resize(out_.problem.nodes.size());
    return {std::move(out_.problem), std::move(out_.nodes), std::move(held_), std::move(flight_)};
  }

 private:
  // `all`: results that aren't arguments' new values, too.
  void add_nodes(bool all) {
    for (size_t a = 0; a < stage_.args.size(); ++a) add_arg(static_cast<int>(a));
    for (size_t o = 0; o < stage_.ops.size(); ++o) add_op(static_cast<int>(o));
    for (size_t r = 0; r < stage_.results.size(); ++r)
      if (all || argument_of(stage_.result_kinds[r]) >= 0) add_result(static_cast<int>(r));
  }

  // time_[op] is its place.
  void order_ops() {
    std::vector<int> order(stage_.ops.size());
    for (size_t i = 0; i < order.size(); ++i) order[i] = static_cast<int>(i);
    std::stable_sort(order.begin(), order.end(), [&](int a, int b) {
      return std::tie(stage_.ops[a].time, stage_.ops[a].pass) <
             std::tie(stage_.ops[b].time, stage_.ops[b].pass);
    });
    time_.resize(order.size());
    for (size_t t = 0; t < order.size(); ++t) {
      time_[order[t]] = static_cast<int>(t);
      times_.push_back(stage_.ops[order[t]].time);
    }
    end_ = std::max<int>(1, static_cast<int>(order.size()));
    update_ = end_;
    for (size_t o = 0; o < order.size(); ++o)
      if (!per_microbatch(stage_.ops[o].pass)) update_ = std::min(update_, time_[o]);
  }

  static bool per_microbatch(const step::Pass& p) { return p.phase != step::Phase::kApply; }
  int64_t weight(const step::Pass& p) const { return per_microbatch(p) ? stage_.microbatches : 1; }

  int64_t local_bytes(int v, const Sharding& s) const {
    const auto& type = stage_.values[v];
    return type.is_tensor() ? sharding::local_type(type, s, mesh_).num_bytes() : 0;
  }

  std::vector<Sharding> whole_shardings(int v) const {
    if (!stage_.values[v].is_tensor()) return {Sharding{}};
    return sharding::enumerate_shardings(stage_.values[v], mesh_, false);
  }

  int add_node(Node node, size_t choices) {
    out_.nodes.push_back(std::move(node));
    out_.own_hub.push_back(false);
    out_.problem.nodes.emplace_back();
    out_.problem.nodes.back().cost.assign(choices, 0);
    return static_cast<int>(out_.nodes.size()) - 1;
  }

  void add_arg(int a) {
    const bool key = stage_.arg_kinds[a].kind == step::ArgKind::kKey;  // folded alike on every device
    Node node{Node::Kind::kArg, a, {}, {}, key ? std::vector<Sharding>{{}} : whole_shardings(stage_.args[a])};
    if (restriction_.arg)
      std::erase_if(node.shardings, [&](const Sharding& s) { return !restriction_.arg(stage_, a, s); });
    if (node.shardings.empty())
      throw base::user_error("[planner.intra_op] argument {} can't be sharded as this planner asks", a);
    const size_t n = node.shardings.size();
    home_[stage_.args[a]] = add_node(std::move(node), n);
  }

  void add_op(int o) {
    const auto& op = stage_.ops[o];
    Node node{Node::Kind::kOp, o, op.pass, {Strategy{}}, {}};
    if (!op.constant_like) {
      node.strategies = sharding::enumerate_strategies(op.rule, mesh_);
      if (restriction_.op)
        std::erase_if(node.strategies, [&](const Strategy& s) { return !restriction_.op(stage_, o, s); });
      if (node.strategies.empty())
        throw base::user_error("[planner.intra_op] op {} can't be sharded as this planner asks", o);
    }
    const auto strategies = node.strategies;
    const int id = add_node(std::move(node), strategies.size());
    for (size_t i = 0; i < strategies.size() && !op.constant_like; ++i) {
      out_.problem.nodes[id].cost[i] =
          picoseconds(local_seconds(stage_, op, strategies[i], mesh_)) * weight(op.pass);
    }
    for (const int v : op.results) home_[v] = id, maker_[v] = o;
    std::set<int> seen;
    for (size_t at = 0; at < op.operands.size(); ++at) {
      const int v = op.operands[at];
      if (op.rule.awaits(at) || !stage_.values[v].is_tensor() || !seen.insert(v).second) continue;
      Reader reader{op.pass, id, time_[o], {}};
      for (size_t i = 0; i < strategies.size(); ++i)
        reader.wants.push_back(wanted(out_.nodes[id], stage_, v, static_cast<int>(i)));
      readers_[v].push_back(std::move(reader));
    }
  }

  // The argument whose new value a result is, or -1.
  int argument_of(const step::StageResult& r) const {
    for (size_t a = 0; a < stage_.args.size(); ++a) {
      const auto& arg = stage_.arg_kinds[a];
      const bool same =
          (r.kind == step::ResultKind::kNewParam && arg.kind == step::ArgKind::kParam && arg.owner) ||
          (r.kind == step::ResultKind::kNewOptState && arg.kind == step::ArgKind::kOptState) ||
          (r.kind == step::ResultKind::kNewState && arg.kind == step::ArgKind::kState);
      if (same && arg.index == r.index) return static_cast<int>(a);
    }
    return -1;
  }

  void add_result(int r) {
    const int v = stage_.results[r];
    const int arg = argument_of(stage_.result_kinds[r]);
    int id = arg >= 0 ? home_[stage_.args[arg]] : -1;
    if (id < 0) {
      Node node{Node::Kind::kResult, r, {}, {}, {Sharding{}}};
      if (stage_.result_kinds[r].kind != step::ResultKind::kLoss) node.shardings = whole_shardings(v);
      const size_t n = node.shardings.size();
      id = add_node(std::move(node), n);
    }
    out_.result_node.push_back(id);
    if (id == home_[v]) return;  // an argument handed back as it came
    step::Pass pass = maker_[v] >= 0 ? stage_.ops[maker_[v]].pass : step::Pass{};
    if (maker_[v] >= 0 && stage_.ops[maker_[v]].accumulate)
      pass = {step::Phase::kApply, 0};  // whole when the last microbatch is over
    Reader reader{pass, id, end_ - 1, {}};
    for (const auto& s : out_.nodes[id].shardings) reader.wants.push_back({s});
    readers_[v].push_back(std::move(reader));
  }

  // By choice of a node, where the value is.
  std::vector<Sharding> offers(int node, int v) const {
    const Node& n = out_.nodes[node];
    std::vector<Sharding> out;
    for (size_t i = 0; i < out_.problem.nodes[node].cost.size(); ++i)
      out.push_back(offered(n, stage_, v, static_cast<int>(i)));
    return out;
  }

  // `held`: when what is resharded is there for `to` alone.
  void add_edge(int v, int from, int to, const std::vector<std::vector<Sharding>>& wants, int64_t times,
                std::pair<int, int> held = {}) {
    const auto& type = stage_.values[v];
    auto& known = reshard_costs(type, mesh_);
    std::vector<std::vector<int>> wanted;
    for (const auto& want : wants) {
      wanted.emplace_back();
      for (const auto& w : want) wanted.back().push_back(known.number(w));
    }
    Problem::Edge edge{from, to, {}};
    bool any = false;
    for (const auto& offer : offers(from, v)) {
      const int at = known.number(offer);
      for (const auto& want : wanted) {
        int64_t sum = 0;
        for (const int w : want) {
          const int64_t c = known.cost(type, mesh_, at, w);
          sum = c == kInfinite || sum == kInfinite ? kInfinite : sum + c * times;
        }
        any = any || sum != 0;
        edge.cost.push_back(sum);
      }
    }
    if (!any) return;
    out_.problem.edges.push_back(std::move(edge));
    out_.moves.push_back({v, held.first, held.second});
  }

  // A hub for readers in pass `pass`, reached from node `from`.
  int add_hub(int v, const step::Pass& pass, int from, const std::vector<const Reader*>& readers, bool own,
              bool anywhere = false, std::pair<int, int> held = {}) {
    std::set<Sharding> all;
    if (from >= 0)
      for (const auto& s : offers(from, v)) all.insert(s);
    if (anywhere)
      for (const auto& s : sharding::enumerate_shardings(stage_.values[v], mesh_, true)) all.insert(s);
    for (const auto* r : readers)
      for (const auto& want : r->wants) all.insert(want.begin(), want.end());
    Node node{Node::Kind::kHub, v, pass, {}, {all.begin(), all.end()}};
    const auto shardings = node.shardings;
    const int id = add_node(std::move(node), shardings.size());
    out_.own_hub[id] = own;
    std::vector<std::vector<Sharding>> wants;
    for (const auto& s : shardings) wants.push_back({s});
    if (from >= 0) add_edge(v, from, id, wants, weight(pass), held);
    return id;
  }

  // As connect, for build_layer_problem. A value from elsewhere, and one that other layers read too, is in
  // each pass where it suits its readers here. One edge instead of a way through hubs costs no more.
  void connect_layer(int v) {
    const int maker = maker_[v];
    if (maker >= 0 && stage_.ops[maker].constant_like) return;
    std::map<step::Phase, std::vector<const Reader*>> by_phase;
    for (const auto& r : readers_[v]) by_phase[r.pass.phase].push_back(&r);
    int start = home_[v];
    if (const auto update = by_phase.find(step::Phase::kApply); update != by_phase.end()) {
      const Reader& first = *update->second[0];
      if (start >= 0) add_edge(v, start, first.node, first.wants, 1);
      by_phase.erase(update);
    }
    const bool leaves = std::find(stage_.results.begin(), stage_.results.end(), v) != stage_.results.end();
    const bool anywhere = leaves || maker < 0;
    std::optional<step::Phase> made;
    if (maker >= 0 && !stage_.ops[maker].accumulate) made = stage_.ops[maker].pass.phase;
    std::vector<const Reader*> all;
    for (const auto& [phase, group] : by_phase) all.insert(all.end(), group.begin(), group.end());
    if (made && all.size() >= 2) start = add_hub(v, stage_.ops[maker].pass, start, all, true, anywhere);
    for (const auto& [phase, group] : by_phase) {
      const bool hub = group.size() >= 2 && phase != made;
      const int from = hub ? add_hub(v, {phase, 0}, start, group, false, anywhere) : start;
      for (const auto* r : group)
        if (from >= 0) add_edge(v, from, r->node, r->wants, weight(r->pass));
    }
  }

  // Values that enter the layer, each with one that leaves it and stands for it in the next layer.
  std::map<int, int> find_leavers() const {
    std::map<std::tuple<bool, ir::Shape, ir::DType>, std::vector<int>> entering, leaving;
    const auto kind = [&](int v, bool forward) {
      return std::tuple(forward, stage_.values[v].shape, stage_.values[v].dtype);
    };
    for (size_t v = 0; v < stage_.values.size(); ++v) {
      if (home_[v] >= 0 || readers_[v].empty() || !stage_.values[v].is_tensor()) continue;
      bool forward = false;
      for (const auto& r : readers_[v]) forward = forward || r.pass.phase == step::Phase::kForward;
      entering[kind(static_cast<int>(v), forward)].push_back(static_cast<int>(v));
    }
    for (size_t r = 0; r < stage_.results.size(); ++r) {
      const int v = stage_.results[r];
      if (stage_.result_kinds[r].kind != step::ResultKind::kSent || maker_[v] < 0) continue;
      const auto& op = stage_.ops[maker_[v]];
      if (!op.accumulate && op.pass.phase != step::Phase::kApply)
        leaving[kind(v, op.pass.phase == step::Phase::kForward)].push_back(v);
    }
    std::map<int, int> out;
    for (const auto& [key, values] : entering)
      for (size_t i = 0; i < values.size() && i < leaving[key].size(); ++i) out[values[i]] = leaving[key][i];
    return out;
  }

  // Where a value is that goes from layer to layer.
  int add_boundary(int entering, int leaving) {
    std::vector<const Reader*> all;
    for (const int v : {entering, leaving})
      for (const auto& r : readers_[v]) all.push_back(&r);
    return add_hub(leaving, stage_.ops[maker_[leaving]].pass, home_[leaving], all, true);
  }

  // As connect, for a value that is at node `start`.
  void connect_from(int v, int start, bool made_here) {
    std::map<step::Phase, std::vector<const Reader*>> by_phase;
    for (const auto& r : readers_[v]) by_phase[r.pass.phase].push_back(&r);
    for (const auto& [phase, group] : by_phase) {
      const bool own = made_here && phase == stage_.ops[maker_[v]].pass.phase;
      const int from = group.size() >= 2 && !own ? add_hub(v, {phase, 0}, start, group, false) : start;
      for (const auto* r : group) add_edge(v, from, r->node, r->wants, weight(r->pass));
    }
    if (by_phase.contains(step::Phase::kBackward) && !made_here) count_bytes(flight_, start, v);
    if (made_here && by_phase.contains(step::Phase::kBackward) &&
        stage_.ops[maker_[v]].pass.phase == step::Phase::kForward)
      count_bytes(flight_, start, v);
  }

  void count_bytes(std::vector<std::vector<int64_t>>& bytes, int node, int v) {
    if (static_cast<int>(bytes.size()) <= node) bytes.resize(node + 1);
    const auto at = offers(node, v);
    bytes[node].resize(at.size(), 0);
    for (size_t i = 0; i < at.size(); ++i) bytes[node][i] += local_bytes(v, at[i]);
  }

  void connect(int v) {
    const auto& readers = readers_[v];
    const int maker = maker_[v];
    const bool constant = maker >= 0 && stage_.ops[maker].constant_like;
    std::optional<step::Pass> made;
    if (maker >= 0) made = stage_.ops[maker].pass;
    int start = home_[v];
    if (start < 0) return;
    std::vector<const Reader*> all;
    for (const auto& r : readers) all.push_back(&r);
    int own = -1;
    const int own_from = made ? own_hub_from(maker) : 0;
    if (made && !constant && readers.size() >= 2)
      start = own = add_hub(v, *made, home_[v], all, true, false, {moved_at(v, *made, own_from), own_from});
    std::map<step::Pass, std::vector<const Reader*>> by_pass;
    for (const auto& r : readers) by_pass[r.pass].push_back(&r);
    for (const auto& [pass, group] : by_pass) {
      int from = start;
      if (group.size() >= 2 && !constant && !(made && pass == *made)) {
        int first = end_, last = 0;
        for (const auto* r : group) first = std::min(first, r->time), last = std::max(last, r->time);
        from = add_hub(v, pass, start, group, false, false, {moved_at(v, pass, first), first});
        use(from, v, first, last + 1, 1);
      }
      for (const auto* r : group)
        if (!constant)
          add_edge(v, from, r->node, r->wants, weight(pass),
                   {std::max(0, moved_at(v, pass, r->time) - kAhead), r->time + 1});
    }
    live(v, own);
  }

  // From when on what an op makes is held in its own hub; a sum is counted where it is made, to the end.
  int own_hub_from(int maker) const {
    return stage_.ops[maker].accumulate && !stage_.whole_step ? end_ : time_[maker];
  }

  // When a value is resharded that is first wanted at `time`: sums over microbatches, and what is made of
  // them at once (means), at the begin of the update.
  int moved_at(int v, const step::Pass& pass, int time) const {
    const auto is_sum = [&](int u) { return maker_[u] >= 0 && stage_.ops[maker_[u]].accumulate; };
    if (stage_.whole_step || maker_[v] < 0 || (per_microbatch(pass) && !is_sum(v))) return time;
    const bool early = is_sum(v) || std::ranges::any_of(stage_.ops[maker_[v]].operands, is_sum);
    return early ? std::min(update_, time) : time;
  }

  void use(int node, int v, int from, int to, int64_t copies) {
    auto& n = out_.problem.nodes[node];
    const auto at = offers(node, v);
    n.usage.resize(at.size(), 0);
    for (size_t i = 0; i < at.size(); ++i) n.usage[i] += local_bytes(v, at[i]) * copies;
    n.from = n.usage.empty() || n.to == 0 ? from : std::min<int64_t>(n.from, from);
    n.to = std::max<int64_t>(n.to, to);
  }

  // What an op only waits with is held until the last reader of what it hands on.
  int held_until(const Reader& reader) const {
    const Node& node = out_.nodes[reader.node];
    int last = reader.time;
    if (node.kind != Node::Kind::kOp || !stage_.ops[node.index].rule.awaited) return last;
    for (const auto& r : readers_[stage_.ops[node.index].results[0]]) last = std::max(last, r.time);
    return last;
  }

  // The place of the last op here that has run by then.
  int place_at(int time) const {
    return static_cast<int>(std::upper_bound(times_.begin(), times_.end(), time) - times_.begin()) - 1;
  }

  // How long a value is held, and how many of it.
  void live(int v, int own) {
    const int maker = maker_[v];
    const StageView::Held held = stage_.held.empty() ? StageView::Held() : stage_.held[v];
    const bool by_readers = held.until == StageView::kReaders;
    const int64_t times = held.times;
    int last = by_readers ? -1 : place_at(held.until);
    bool later = false;
    for (const auto& r : readers_[v]) {
      if (by_readers || out_.nodes[r.node].kind != Node::Kind::kOp) last = std::max(last, held_until(r));
      later = later || r.pass.phase == step::Phase::kBackward;
    }
    if (maker < 0) {
      const auto arg = std::find(stage_.args.begin(), stage_.args.end(), v) - stage_.args.begin();
      const auto kind = stage_.arg_kinds[arg].kind;
      const bool data = kind == step::ArgKind::kBatch || kind == step::ArgKind::kReceived;
      count_bytes(data && later ? flight_ : held_, home_[v], v);
      // The next one is on its way while a gradient is worked on.
      const int waiting = kind == step::ArgKind::kReceived && !later ? 2 : 1;
      return use(home_[v], v, 0, end_, (data && later ? stage_.in_flight : waiting) + times - 1);
    }
    const auto& op = stage_.ops[maker];
    if (op.constant_like || op.fused) return;
    const int now = time_[maker];
    if (op.accumulate && !stage_.whole_step)
      return count_bytes(held_, home_[v], v), use(home_[v], v, 0, end_, 1);
    const bool forward = op.pass.phase == step::Phase::kForward, waits = forward && later;
    // What is sent forward may have to wait until the next stage takes it, too.
    const int64_t copies = waits || (forward && is_sent(v)) ? stage_.in_flight * times : times;
    if (waits) count_bytes(flight_, own >= 0 ? own : home_[v], v);
    if (updates_argument(v)) last = now;  // the new value takes the old one's place
    if (own >= 0) {
      use(own, v, now, std::max(last, now) + 1, copies);
      use(home_[v], v, now, now + 1, 1);
    } else {
      use(home_[v], v, now, std::max(last, now) + 1, copies);
    }
  }

  bool is_sent(int v) const {
    for (size_t r = 0; r < stage_.results.size(); ++r)
      if (stage_.results[r] == v && stage_.result_kinds[r].kind == step::ResultKind::kSent) return true;
    return false;
  }

  // Whether a value is an argument's new one, made when nobody will read the old one any more.
  bool updates_argument(int v) const {
    for (size_t r = 0; r < stage_.results.size(); ++r) {
      if (stage_.results[r] != v) continue;
      const int arg = argument_of(stage_.result_kinds[r]);
      const int now = time_[maker_[v]];
      if (arg >= 0 && std::all_of(readers_[stage_.args[arg]].begin(), readers_[stage_.args[arg]].end(),
                                  [&](const Reader& reader) { return reader.time <= now; }))
        return true;
    }
    return false;
  }

  const StageView& stage_;
  const sharding::Mesh& mesh_;
  const Restriction& restriction_;
  BuiltProblem out_;
  std::vector<int> time_;   // by op
  std::vector<int> times_;  // by place: the op's own time
  int end_ = 1;
  int update_ = 1;                 // the place of the first op of the update
  std::vector<int> home_, maker_;  // by value: the node that makes it; the op, or -1
  std::vector<std::vector<Reader>> readers_;
  std::vector<std::vector<int64_t>> held_, flight_;  // see ClosedLayer
};

template <typename Allowed>
Allowed both_of(Allowed a, Allowed b) {
  if (!a || !b) return a ? a : b;
  return [a = std::move(a), b = std::move(b)](const StageView& s, int i, const auto& choice) {
    return a(s, i, choice) && b(s, i, choice);
  };
}

}  // namespace

Restriction both(Restriction a, Restriction b) {
  return {both_of(std::move(a.op), std::move(b.op)), both_of(std::move(a.arg), std::move(b.arg))};
}

BuiltProblem build_problem(const StageView& stage, const sharding::Mesh& mesh,
                           const Restriction& restriction) {
  return Builder(stage, mesh, restriction).run();
}

Problem build_layer_problem(const StageView& part, const sharding::Mesh& mesh) {
  return Builder(part, mesh, {}).run_layer();
}

ClosedLayer build_closed_layer(const StageView& part, const sharding::Mesh& mesh,
                               const Restriction& restriction) {
  return Builder(part, mesh, restriction).run_closed();
}

plan::StageSharding decode(const BuiltProblem& built, const StageView& stage,
                           const std::vector<int>& choice) {
  plan::StageSharding out;
  out.ops.resize(stage.ops.size());
  out.args.resize(stage.args.size());
  std::vector<Sharding> home(stage.values.size());
  std::map<int, Sharding> kept;  // K(v), where a hub of its own pass moves it
  for (size_t n = 0; n < built.nodes.size(); ++n) {
    const Node& node = built.nodes[n];
    if (node.kind == Node::Kind::kArg) {
      out.args[node.index] = home[stage.args[node.index]] = node.shardings[choice[n]];
    } else if (node.kind == Node::Kind::kOp) {
      const auto& op = stage.ops[node.index];
      out.ops[node.index] = node.strategies[choice[n]];
      for (size_t k = 0; k < op.results.size() && k < op.rule.results.size(); ++k)
        home[op.results[k]] = sharding::result_sharding(op.rule, out.ops[node.index], static_cast<int>(k));
    }
  }
  for (size_t n = 0; n < built.nodes.size(); ++n)  // a value's own hub comes before those of later passes
    if (const Node& node = built.nodes[n]; node.kind == Node::Kind::kHub) {
      const Sharding at = node.shardings[choice[n]];
      const Sharding base =
          !built.own_hub[n] && kept.contains(node.index) ? kept[node.index] : home[node.index];
      if (built.own_hub[n]) kept[node.index] = at;
      if (at != base) out.hubs.push_back({node.index, node.pass, at});
    }
  for (const int n : built.result_node) out.results.push_back(built.nodes[n].shardings[choice[n]]);
  return out;
}

}  // namespace cordata::planner
