// SPDX-License-Identifier: Apache-2.0
#include "cordata/step/shorten.h"

#include <algorithm>
#include <map>
#include <numeric>
#include <optional>

#include "cordata/ir/builder.h"

namespace cordata::step {
namespace {

using ir::ValueId;

constexpr int kKeptEachSide = 2;  // of a run, so that the inner ones of them have neighbours like their own

ShortStep whole(const JointStep& joint, const Layers& layers, int num_layers) {
  ShortStep out{joint, layers, num_layers, std::vector<int>(num_layers), std::vector<int>(layers.size())};
  std::iota(out.layer.begin(), out.layer.end(), 0);
  std::iota(out.op.begin(), out.op.end(), 0);
  return out;
}

// A layer that is left out, and those that stand for it: for those behind it, and for those before it.
struct Gone {
  int front, back;
};

std::vector<std::optional<Gone>> find_gone(const std::vector<int>& alike) {
  const int n = static_cast<int>(alike.size());
  std::vector<std::optional<Gone>> out(n);
  for (int begin = 0, end; begin < n; begin = end) {
    for (end = begin + 1; end < n && alike[end] == alike[begin];) ++end;
    for (int l = begin + kKeptEachSide; l < end - kKeptEachSide; ++l)
      out[l] = Gone{begin + kKeptEachSide - 1, end - kKeptEachSide};
  }
  return out;
}

class Shortener {
 public:
  Shortener(const JointStep& joint, const Layers& layers, const Homes& homes, const std::vector<int>& alike,
            std::vector<std::optional<Gone>> gone)
      : joint_(joint),
        g_(joint.graph),
        layers_(layers),
        homes_(homes),
        gone_(std::move(gone)),
        ops_(ops_of_layers(homes)),
        place_(g_.num_nodes(), -1),
        now_(g_.num_values()),
        scratch_(g_.num_values()),
        nothing_(g_.num_values(), false),
        number_(gone_.size(), -1) {
    for (size_t i = 0; i < g_.ops().size(); ++i) place_[g_.ops()[i].index] = static_cast<int>(i);
    for (size_t l = 0; l < gone_.size(); ++l)
      if (!gone_[l]) number_[l] = out_.num_layers++;
    // The first of a run has neighbours like those of the whole; those at the gap have not.
    int first = 0;
    for (size_t l = 0; l < gone_.size(); ++l) {
      if (l == 0 || alike[l] != alike[l - 1]) first = static_cast<int>(l);
      out_.layer.push_back(number_[first]);
    }
  }

  // Nothing where it can't be done.
  std::optional<ShortStep> run() {
    for (size_t a = 0; a < g_.args().size(); ++a) {
      const ValueId v = g_.args()[a];
      if (is_gone(v)) continue;
      now_[v.index] = builder_.arg(g_.type(v), g_.value(v).name);
      out_.joint.args.push_back(joint_.args[a]);
    }
    for (size_t i = 0; i < homes_.op.size(); ++i)
      if (!put(static_cast<int>(i))) return std::nullopt;
    std::map<std::pair<Role, int>, ValueId> argument;
    for (size_t a = 0; a < joint_.args.size(); ++a)
      argument[{joint_.args[a].role, joint_.args[a].index}] = g_.args()[a];
    std::vector<ValueId> results;
    for (size_t r = 0; r < joint_.results.size(); ++r) {
      const Port& port = joint_.results[r];
      const ValueId v = g_.results()[r];
      const auto renewed = argument.find({port.role, port.index});
      if (renewed != argument.end() && is_gone(renewed->second)) continue;
      if (homes_.of(v).kind == Home::Kind::kAnywhere && !now_[v.index].valid()) make_anywhere(v);
      if (!now_[v.index].valid()) return std::nullopt;
      results.push_back(now_[v.index]);
      out_.joint.results.push_back(port);
    }
    out_.joint.graph = builder_.finish(std::move(results));
    out_.joint.microbatches = joint_.microbatches, out_.joint.microbatch_size = joint_.microbatch_size;
    return std::move(out_);
  }

 private:
  const ir::Node& node(int op) const { return g_.node(g_.ops()[op]); }
  bool is_gone(ValueId v) const {
    const Home& home = homes_.of(v);
    return home.kind == Home::Kind::kStage && gone_[home.stage].has_value();
  }

  // What an op of layer `reader` reads for a value of a layer that is gone: the same value of the one that
  // stands for it.
  ValueId stand_in(ValueId v, int reader) const {
    const int layer = homes_.of(v).stage;
    const int other = layer < reader ? gone_[layer]->front : gone_[layer]->back;
    const ir::NodeId def = g_.value(v).def;
    if (!def.valid()) return {};
    const auto& theirs = ops_[layer];
    const auto k = std::lower_bound(theirs.begin(), theirs.end(), place_[def.index]) - theirs.begin();
    return now_[node(ops_[other].at(k)).result(g_.value(v).index).index];
  }

  // Constants are made where they are first read.
  void make_anywhere(ValueId v) {
    const int at = place_[g_.value(v).def.index];
    for (const ValueId o : node(at).operands)
      if (!now_[o.index].valid()) make_anywhere(o);
    for (const ValueId o : node(at).operands) scratch_[o.index] = now_[o.index];
    clone(at);
  }

  void clone(int at) {
    builder_.clone(g_, g_.ops()[at], scratch_);
    for (int r = 0; r < node(at).num_results; ++r)
      now_[node(at).result(r).index] = scratch_[node(at).result(r).index];
    out_.joint.phase.push_back(joint_.phase[at]);
    const int layer = layers_[at];
    out_.layers.push_back(layer < 0 ? -1 : number_[gone_[layer] ? gone_[layer]->front : layer]);
    out_.op.push_back(at);
  }

  // Whether it could be done, or needn't.
  bool put(int at) {
    const Home& home = homes_.op[at];
    if (home.kind == Home::Kind::kAnywhere) return true;
    if (home.kind == Home::Kind::kStage && gone_[home.stage]) return true;
    std::vector<ValueId> reads = node(at).operands;
    for (const ValueId c : ir::captures(g_, node(at))) reads.push_back(c);
    if (home.kind == Home::Kind::kTerms) {
      // Terms of layers that are gone are no more in a sum.
      const bool add = reads.size() == 2 && node(at).kind == ir::OpKind::kAdd;
      if (std::erase_if(reads, [&](ValueId v) { return is_gone(v) || nothing_[v.index]; }) > 0) {
        const int sum = node(at).result().index;
        nothing_[sum] = !add || reads.empty();
        if (!nothing_[sum]) now_[sum] = now_[reads[0].index];
        return true;
      }
    }
    // So is what is made on all stages of one of them, as small updates are.
    if (home.kind == Home::Kind::kEverywhere &&
        std::any_of(reads.begin(), reads.end(), [&](ValueId v) { return is_gone(v) || nothing_[v.index]; })) {
      for (int r = 0; r < node(at).num_results; ++r) nothing_[node(at).result(r).index] = true;
      return true;
    }
    for (const ValueId v : reads) {
      ValueId& to = scratch_[v.index];
      if (is_gone(v)) {
        if (home.kind != Home::Kind::kStage) return false;
        to = stand_in(v, home.stage);
      } else {
        if (!now_[v.index].valid() && homes_.of(v).kind == Home::Kind::kAnywhere) make_anywhere(v);
        to = now_[v.index];
      }
      if (!to.valid()) return false;
    }
    clone(at);
    return true;
  }

  const JointStep& joint_;
  const ir::Graph& g_;
  const Layers& layers_;
  const Homes& homes_;
  const std::vector<std::optional<Gone>> gone_;
  const std::vector<std::vector<int>> ops_;
  std::vector<int> place_;  // by node: its position
  ir::GraphBuilder builder_;
  std::vector<ValueId> now_, scratch_;  // by value of the whole
  std::vector<bool> nothing_;           // by value of the whole: made of nothing but what is gone
  std::vector<int> number_;             // by layer of the whole that is kept
  ShortStep out_;
};

}  // namespace

std::vector<std::vector<int>> ops_of_layers(const Homes& homes) {
  std::vector<std::vector<int>> out(homes.num_stages);
  for (size_t i = 0; i < homes.op.size(); ++i)
    if (homes.op[i].kind == Home::Kind::kStage) out[homes.op[i].stage].push_back(static_cast<int>(i));
  return out;
}

ShortStep shorten(const JointStep& joint, const Layers& layers, const Homes& homes,
                  const std::vector<int>& alike) {
  auto gone = find_gone(alike);
  if (std::none_of(gone.begin(), gone.end(), [](const auto& g) { return g.has_value(); }))
    return whole(joint, layers, homes.num_stages);
  auto out = Shortener(joint, layers, homes, alike, std::move(gone)).run();
  return out ? std::move(*out) : whole(joint, layers, homes.num_stages);
}

}  // namespace cordata::step
