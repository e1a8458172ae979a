// SPDX-License-Identifier: Apache-2.0
#include "cordata/step/remat.h"

#include <algorithm>
#include <map>
#include <queue>

#include "cordata/base/error.h"
#include "cordata/ir/builder.h"
#include "cordata/step/recompute.h"

namespace cordata::step {
namespace {

using ir::ValueId;

constexpr std::string_view kNames[] = {"none", "selective", "layer"};

// An op of the new graph before it is made.
struct Task {
  enum class Kind : uint8_t { kBase, kAgain, kWait };
  Kind kind;
  int op;     // of the base step: itself, the one it repeats, or what makes the value that waits
  int value;  // of kWait
  int layer;
  int at;                    // where it wants to stand: a position in the base step
  int unmet = 0;             // of what it reads, not yet made
  std::vector<int> readers;  // tasks
};

class Rewriter {
 public:
  Rewriter(const JointStep& joint, const Layers& layers, Recompute what)
      : joint_(joint),
        g_(joint.graph),
        layers_(layers),
        what_(std::move(what)),
        maker_(g_.num_values(), -1),
        again_(g_.ops().size(), -1),
        base_(g_.num_values()),
        fresh_(g_.num_values()),
        scratch_(g_.num_values()) {}

  RematStep run() {
    for (size_t a = 0; a < g_.args().size(); ++a) {
      const ValueId v = g_.args()[a];
      base_[v.index] = builder_.arg(g_.type(v), g_.value(v).name);
    }
    add_tasks();
    make_in_order();
    std::vector<ValueId> results;
    for (ValueId v : g_.results()) results.push_back(base_[v.index]);
    out_.joint.graph = builder_.finish(std::move(results));
    out_.joint.args = joint_.args, out_.joint.results = joint_.results;
    out_.joint.microbatches = joint_.microbatches, out_.joint.microbatch_size = joint_.microbatch_size;
    return std::move(out_);
  }

 private:
  const ir::Node& node(int op) const { return g_.node(g_.ops()[op]); }

  void add_tasks() {
    const int n = static_cast<int>(g_.ops().size());
    for (int i = 0; i < n; ++i) {
      tasks_.push_back({Task::Kind::kBase, i, -1, layers_[i], i, 0, {}});
      for (int r = 0; r < node(i).num_results; ++r) maker_[node(i).result(r).index] = i;
    }
    for (int i = 0; i < n; ++i)
      if (what_.again[i]) {
        again_[i] = static_cast<int>(tasks_.size());
        tasks_.push_back({Task::Kind::kAgain, i, -1, layers_[i], n, 0, {}});
      }
    const int copies_end = static_cast<int>(tasks_.size());
    for (int t = 0; t < copies_end; ++t)
      for (ValueId v : reads(g_, node(tasks_[t].op))) add_read(t, v);
    for (int t = copies_end; t-- > n;) stand_before_readers(t);  // in reverse: readers before what they read
    for (int t = copies_end; t < static_cast<int>(tasks_.size()); ++t) stand_before_readers(t);
  }

  void stand_before_readers(int t) {
    for (int r : tasks_[t].readers) tasks_[t].at = std::min(tasks_[t].at, tasks_[r].at);
  }

  // Whether a task reads the repeated value rather than the kept one.
  bool reads_fresh(const Task& t, ValueId v) const {
    const int from = maker_[v.index];
    if (from < 0 || again_[from] < 0 || what_.kept[v.index] || t.layer != layers_[from]) return false;
    return t.kind == Task::Kind::kAgain || joint_.phase[t.op] == Phase::kBackward;
  }

  bool reads_waiting(const Task& t, ValueId v) const {
    return t.kind == Task::Kind::kAgain && what_.waits[v.index] && !reads_fresh(t, v);
  }

  void add_read(int t, ValueId v) {
    if (reads_fresh(tasks_[t], v)) return depend(t, again_[maker_[v.index]]);
    if (!reads_waiting(tasks_[t], v)) return depend(t, maker_[v.index]);
    const auto key = std::make_pair(v.index, tasks_[t].layer);
    const auto [it, fresh] = waits_.try_emplace(key, static_cast<int>(tasks_.size()));
    if (fresh) {
      tasks_.push_back(
          {Task::Kind::kWait, -1, v.index, key.second, static_cast<int>(g_.ops().size()), 0, {}});
      depend(it->second, maker_[v.index]);
      for (int c : what_.arrives[key.second]) depend(it->second, maker_[c]);
    }
    depend(t, it->second);
  }

  void depend(int reader, int maker) {
    if (maker < 0) return;  // an argument
    tasks_[maker].readers.push_back(reader);
    ++tasks_[reader].unmet;
  }

  // Always what stands first of what can be made.
  void make_in_order() {
    using Place = std::pair<int, int>;
    std::priority_queue<Place, std::vector<Place>, std::greater<>> ready;
    for (int t = 0; t < static_cast<int>(tasks_.size()); ++t)
      if (tasks_[t].unmet == 0) ready.emplace(tasks_[t].at, t);
    while (!ready.empty()) {
      const int t = ready.top().second;
      ready.pop();
      make(tasks_[t]);
      for (int r : tasks_[t].readers)
        if (--tasks_[r].unmet == 0) ready.emplace(tasks_[r].at, r);
    }
    if (out_.origin.size() != tasks_.size())
      throw base::internal_error("[step.remat] wanted {} ops in an order, got {}", tasks_.size(),
                                 out_.origin.size());
  }

  void make(const Task& t) {
    if (t.kind == Task::Kind::kWait) {
      std::vector<ValueId> operands{base_[t.value]};
      for (int c : what_.arrives[t.layer]) operands.push_back(base_[c]);
      waiting_[{t.value, t.layer}] = builder_.value(ir::OpKind::kAfter, std::move(operands));
      return record(Phase::kBackward, t.layer, -1);
    }
    for (ValueId v : reads(g_, node(t.op)))
      scratch_[v.index] = reads_fresh(t, v)     ? fresh_[v.index]
                          : reads_waiting(t, v) ? waiting_.at({v.index, t.layer})
                                                : base_[v.index];
    builder_.clone(g_, g_.ops()[t.op], scratch_);
    auto& made = t.kind == Task::Kind::kBase ? base_ : fresh_;
    for (int r = 0; r < node(t.op).num_results; ++r)
      made[node(t.op).result(r).index] = scratch_[node(t.op).result(r).index];
    record(t.kind == Task::Kind::kBase ? joint_.phase[t.op] : Phase::kBackward, t.layer, t.op);
  }

  void record(Phase phase, int layer, int origin) {
    out_.joint.phase.push_back(phase);
    out_.layers.push_back(layer);
    out_.origin.push_back(origin);
  }

  const JointStep& joint_;
  const ir::Graph& g_;
  const Layers& layers_;
  const Recompute what_;
  ir::GraphBuilder builder_;
  RematStep out_;
  std::vector<Task> tasks_;                         // base ops by position, then copies, then waits
  std::vector<int> maker_;                          // by value: the base op that makes it, or -1
  std::vector<int> again_;                          // by base op: the task that repeats it, or -1
  std::map<std::pair<int, int>, int> waits_;        // by value and layer: the task
  std::map<std::pair<int, int>, ValueId> waiting_;  // by value and layer: what is handed on
  std::vector<ValueId> base_, fresh_, scratch_;     // by base value
};

}  // namespace

std::string_view name(Remat remat) { return kNames[static_cast<int>(remat)]; }

std::optional<Remat> remat_named(std::string_view name) {
  for (int i = 0; i < static_cast<int>(std::size(kNames)); ++i)
    if (kNames[i] == name) return static_cast<Remat>(i);
  return std::nullopt;
}

RematStep rematerialise(const JointStep& joint, const Layers& layers, const std::vector<Remat>& by_layer) {
  RematStep same{joint, layers, {}};
  for (size_t i = 0; i < layers.size(); ++i) same.origin.push_back(static_cast<int>(i));
  if (std::all_of(by_layer.begin(), by_layer.end(), [](Remat r) { return r == Remat::kNone; })) return same;
  Recompute what = find_recompute(joint, layers, by_layer);
  if (std::find(what.again.begin(), what.again.end(), true) == what.again.end()) return same;
  return Rewriter(joint, layers, std::move(what)).run();
}

}  // namespace cordata::step
