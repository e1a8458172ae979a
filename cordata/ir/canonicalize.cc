// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <optional>

#include "cordata/ir/builder.h"
#include "cordata/ir/structural_hash.h"

namespace cordata::ir {
namespace {

// Orders the ops of a region by its structure alone. Walking from the results by position, operands first,
// orders all live ops without looking at hashes; those decide only between ops that nothing reads but that
// have side effects.
//
// The walk from the first result (a loss) takes ops as they are needed. From the second on, an op is also
// taken as soon as its last operand is: a weight's gradient stands beside the cotangent it reads, rather than
// at the end, so that liveness counted along the order is what a scheduler would see.
class Orderer {
 public:
  explicit Orderer(const Graph& graph)
      : graph_(graph),
        hashes_(graph),
        region_of_(graph.num_nodes()),
        place_(graph.num_nodes(), kWaiting),
        reads_(graph.num_nodes()),
        orders_(graph.num_regions()) {
    for (int r = 0; r < graph.num_regions(); ++r) {
      for (NodeId n : graph.region(RegionId(r)).nodes) region_of_[n.index] = RegionId(r);
    }
  }

  const std::vector<NodeId>& order(RegionId id) {
    if (!orders_[id.index]) orders_[id.index] = RegionWalk(*this, id).order();
    return *orders_[id.index];
  }

 private:
  static constexpr int kWaiting = -1;

  // What a node reads: its operands, then what its regions capture, in the order of their ordered ops.
  const std::vector<ValueId>& reads(NodeId id) {
    std::optional<std::vector<ValueId>>& r = reads_[id.index];
    if (r) return *r;
    const Node& n = graph_.node(id);
    std::vector<ValueId> out = n.operands;
    for (RegionId region : n.regions) {
      for (NodeId inner : order(region)) {
        const std::vector<ValueId>& more = reads(inner);
        out.insert(out.end(), more.begin(), more.end());
      }
      const std::vector<ValueId>& results = graph_.region(region).results;
      out.insert(out.end(), results.begin(), results.end());
    }
    r = std::move(out);
    return *r;
  }

  class RegionWalk {
   public:
    RegionWalk(Orderer& all, RegionId id)
        : all_(all), id_(id), region_(all.graph_.region(id)), place_(all.place_) {}

    std::vector<NodeId> order() { return eager(walk()); }

   private:
    // The op of this region that makes a value, if there is one.
    std::optional<NodeId> def_of(ValueId v) const {
      NodeId def = all_.graph_.value(v).def;
      if (!def.valid() || all_.region_of_[def.index] != id_) return std::nullopt;
      return def;
    }

    std::optional<NodeId> waiting_def(ValueId v) const {
      auto def = def_of(v);
      return def && place_[def->index] == kWaiting ? def : std::nullopt;
    }

    // Depth first below `root`, operands before their reader; a loop, since graphs are deep.
    template <typename Emit>
    void visit(NodeId root, Emit&& emit) {
      std::vector<std::pair<NodeId, size_t>> stack{{root, 0}};
      while (!stack.empty()) {
        auto& [node, next] = stack.back();
        const std::vector<ValueId>& reads = all_.reads(node);
        std::optional<NodeId> below;
        while (next < reads.size() && !below) below = waiting_def(reads[next++]);
        if (below) {
          stack.emplace_back(*below, 0);
        } else {
          NodeId done = node;
          stack.pop_back();
          if (place_[done.index] == kWaiting) emit(done);
        }
      }
    }

    // Ops with side effects that no result needs, by hash; ties by where their operands already stand.
    std::vector<NodeId> effects() const {
      std::vector<NodeId> out;
      for (NodeId n : region_.nodes) {
        if (affects_world(all_.graph_, n)) out.push_back(n);
      }
      std::ranges::stable_sort(out, {}, [&](NodeId n) { return all_.hashes_.of(n); });
      return out;
    }

    std::vector<int> places_of_reads(NodeId n) {
      std::vector<int> out;
      for (ValueId v : all_.reads(n)) {
        auto def = def_of(v);
        int place = def ? place_[def->index] : kWaiting;
        out.push_back(def && place == kWaiting ? all_.graph_.num_nodes() : place);
      }
      return out;
    }

    std::vector<NodeId> walk() {
      std::vector<NodeId> out;
      auto emit = [&](NodeId n) {
        place_[n.index] = static_cast<int>(out.size());
        out.push_back(n);
      };
      auto visit_from = [&](NodeId n) {
        if (place_[n.index] == kWaiting) visit(n, emit);
      };
      for (size_t i = 0; i < region_.results.size(); ++i) {
        if (auto def = waiting_def(region_.results[i])) visit_from(*def);
        if (i == 0) first_cone_ = out.size();
      }
      std::vector<NodeId> rest = effects();
      for (size_t from = 0; from < rest.size();) {
        size_t to = from + 1;
        while (to < rest.size() && all_.hashes_.of(rest[to]) == all_.hashes_.of(rest[from])) ++to;
        for (; from < to; ++from) {
          auto best = std::min_element(rest.begin() + from, rest.begin() + to, [&](NodeId a, NodeId b) {
            return places_of_reads(a) < places_of_reads(b);
          });
          std::iter_swap(rest.begin() + from, best);
          visit_from(rest[from]);
        }
      }
      return out;
    }

    // The order of `plain` with every op past the first cone moved up to where its last operand is taken, if
    // that operand is itself past the cone.
    std::vector<NodeId> eager(const std::vector<NodeId>& plain) {
      std::vector<int> missing(plain.size(), 0);
      std::vector<std::vector<int>> readers(plain.size());  // by place; each list ascends
      for (size_t i = first_cone_; i < plain.size(); ++i) {
        for (ValueId v : all_.reads(plain[i])) {
          auto def = def_of(v);
          if (!def || place_[def->index] < static_cast<int>(first_cone_)) continue;
          ++missing[i];
          readers[place_[def->index]].push_back(static_cast<int>(i));
        }
      }
      std::vector<NodeId> out(plain.begin(), plain.begin() + first_cone_);
      std::vector<char> taken(plain.size(), false);
      std::vector<int> ready;
      for (size_t i = first_cone_; i < plain.size(); ++i) {
        if (!taken[i]) ready.push_back(static_cast<int>(i));
        while (!ready.empty()) {
          int next = ready.back();
          ready.pop_back();
          taken[next] = true;
          out.push_back(plain[next]);
          for (auto r = readers[next].rbegin(); r != readers[next].rend(); ++r) {
            if (--missing[*r] == 0) ready.push_back(*r);
          }
        }
      }
      return out;
    }

    Orderer& all_;
    RegionId id_;
    const Region& region_;
    std::vector<int>& place_;
    size_t first_cone_ = 0;
  };

  const Graph& graph_;
  ValueHashes hashes_;
  std::vector<RegionId> region_of_;
  std::vector<int> place_;  // by node: where `walk` put it in its region's order
  std::vector<std::optional<std::vector<ValueId>>> reads_;
  std::vector<std::optional<std::vector<NodeId>>> orders_;
};

}  // namespace

Graph canonicalize(const Graph& graph) {
  Orderer orderer(graph);
  GraphBuilder builder(graph.name());
  builder.set_module_attrs(graph.module_attrs());
  std::vector<ValueId> map(graph.num_values());
  for (size_t i = 0; i < graph.args().size(); ++i) {
    ValueId arg = graph.args()[i];
    AttrDict attrs = i < graph.arg_attrs().size() ? graph.arg_attrs()[i] : AttrDict{};
    map[arg.index] = builder.arg(graph.type(arg), graph.value(arg).name, std::move(attrs));
  }
  auto order = [&](RegionId r) { return orderer.order(r); };
  for (NodeId n : orderer.order(RegionId(0))) builder.clone(graph, n, map, order);
  std::vector<ValueId> results;
  for (ValueId v : graph.results()) results.push_back(map[v.index]);
  return builder.finish(std::move(results), graph.result_attrs());
}

}  // namespace cordata::ir
