// SPDX-License-Identifier: Apache-2.0
#include "cordata/partition/partition.h"

#include <algorithm>
#include <map>
#include <tuple>

#include "cordata/base/error.h"
#include "cordata/partition/collectives.h"
#include "cordata/partition/local_op.h"
#include "cordata/partition/module_plan.h"

namespace cordata::partition {

using ir::OpKind;
using ir::Type;
using ir::ValueId;
using sharding::Sharding;
using step::Pass;

namespace {

// Emits one module: pass by pass, op by op, each value resharded right before its first reader that wants it
// so.
class Emitter {
 public:
  Emitter(const StageView& view, const sharding::Mesh& mesh, const ModulePlan& plan, CollectiveMode mode,
          Communicators& communicators)
      : view_(view),
        mesh_(mesh),
        plan_(plan),
        builder_("main"),
        collectives_(builder_, mesh, mode, communicators, [this] { return device_index(); }),
        kept_(view.graph().num_values()),
        running_(view.graph().num_values()) {}

  Module emit() {
    module_ = {.name = plan_.name,
               .passes = plan_.passes,
               .graph = {},
               .args = plan_.args,
               .results = plan_.results,
               .alias = plan_.alias};
    for (size_t i = 0; i < plan_.args.size(); ++i) add_arg(plan_.args[i], plan_.alias[i]);
    for (Pass pass : plan_.passes) {
      for (int p = 0; p < view_.num_ops(); ++p) {
        if (view_.pass(p) == pass) emit_op(p, pass);
      }
    }
    std::vector<ValueId> results;
    for (const PortRef& ref : plan_.results) results.push_back(emit_result(ref));
    module_.graph = builder_.finish(std::move(results));
    return std::move(module_);
  }

 private:
  bool holds(Pass pass) const {
    return std::find(plan_.passes.begin(), plan_.passes.end(), pass) != plan_.passes.end();
  }

  void add_arg(const PortRef& ref, int alias) {
    ir::AttrDict attrs;
    if (alias >= 0) attrs["tf.aliasing_output"] = ir::Attribute::of(alias, ir::DType::kI32);
    ValueId v = builder_.arg(ref.local, "", attrs);
    ValueId old(ref.value);
    if (ref.kind == PortRef::Kind::kAccumulator && holds(view_.made_in(old))) {
      running_[old.index] = v;
    } else {
      kept_[old.index] = v;
    }
  }

  ValueId device_index() {
    Type type = Type::tensor(ir::DType::kI32);
    module_.args.push_back({.kind = PortRef::Kind::kDeviceIndex, .value = -1, .sharding = {}, .local = type});
    module_.alias.push_back(-1);
    return builder_.arg(type, "device_index");
  }

  // Value v of the stage in pass `pass`, sharded as wanted: from the pass's hub if it has one, else from
  // where it is kept.
  ValueId get(ValueId v, Pass pass, const Sharding& wanted) {
    Sharding start = view_.kept(v);
    ValueId at = kept_[v.index];
    if (!at.valid())
      throw base::internal_error("[partition] wanted value {} in module {}, got none", v.index, plan_.name);
    const Sharding* hub = view_.hub(v, pass);
    bool own = view_.maker(v) >= 0 && view_.made_in(v) == pass;
    if (hub && !own) {
      at = reshard_once(v, pass, at, start, *hub);
      start = *hub;
    }
    return reshard_once(v, pass, at, start, wanted);
  }

  ValueId reshard_once(ValueId v, Pass pass, ValueId at, const Sharding& from, const Sharding& to) {
    if (from == to) return at;
    auto [it, fresh] = made_.try_emplace({v.index, pass, to});
    if (fresh) it->second = collectives_.reshard(at, view_.graph().type(v), from, to);
    return it->second;
  }

  void emit_op(int position, Pass pass) {
    const ir::Node& node = view_.op(position);
    std::vector<ValueId> operands;
    for (const auto& read : view_.reads(position))
      operands.push_back(read.as_it_is ? kept_[read.value.index] : get(read.value, pass, read.wanted));
    if (node.kind == OpKind::kAccumulate) return emit_accumulate(node, operands[0]);
    if (operands.size() > node.operands.size()) bind_captures(position, operands);
    operands.resize(node.operands.size());
    auto results = emit_local(builder_, collectives_, view_.graph(), node, view_.rule(position),
                              view_.strategy(position), mesh_, operands, outer_);
    for (int i = 0; i < node.num_results; ++i) {
      ValueId v = node.result(i);
      kept_[v.index] =
          collectives_.reshard(results[i], view_.graph().type(v), view_.produced(v), view_.kept(v));
    }
  }

  void bind_captures(int position, const std::vector<ValueId>& read) {
    auto reads = view_.reads(position);
    for (size_t i = view_.op(position).operands.size(); i < reads.size(); ++i)
      outer_[reads[i].value.index] = read[i];
  }

  void emit_accumulate(const ir::Node& node, ValueId x) {
    ValueId v = node.result();
    if (view_.hub(v, view_.made_in(v))) {
      throw base::internal_error(
          "[partition] wanted no hub for an accumulated value in the pass that adds to it, got one");
    }
    ir::DType dtype = view_.graph().type(v).dtype;
    if (builder_.type(x).dtype != dtype) x = builder_.convert(x, dtype);
    kept_[v.index] = plan_.accumulates ? builder_.add(running_[v.index], x) : x;
  }

  ValueId emit_result(const PortRef& ref) {
    ValueId v(ref.value);
    if (ref.kind == PortRef::Kind::kAccumulator) return kept_[v.index];
    bool made_here = view_.maker(v) >= 0 && holds(view_.made_in(v));
    Pass pass = made_here && !view_.accumulates(v) ? view_.made_in(v) : view_.delivered_in(v);
    return get(v, pass, ref.sharding);
  }

  const StageView& view_;
  const sharding::Mesh& mesh_;
  const ModulePlan& plan_;
  ir::GraphBuilder builder_;
  Collectives collectives_;
  Module module_;
  std::vector<ValueId> kept_;     // by value of the stage: K(v) as a value of the module
  std::vector<ValueId> running_;  // accumulators as they came in
  std::vector<ValueId> outer_ = std::vector<ValueId>(view_.graph().num_values());  // what regions see
  std::map<std::tuple<int, Pass, Sharding>, ValueId> made_;
};

}  // namespace

StageModules partition_stage(const step::StageGraph& stage, const plan::StageSharding& sharding,
                             const sharding::Mesh& mesh, int microbatches, bool single_stage,
                             CollectiveMode mode, int first_comm) {
  StageView view(stage, sharding, mesh);
  Communicators communicators{first_comm, {}};
  StageModules result;
  for (const ModulePlan& plan : plan_modules(stage, sharding, view, microbatches, single_stage)) {
    result.modules.push_back(Emitter(view, mesh, plan, mode, communicators).emit());
  }
  result.axes_sets = communicators.axes_sets;
  return result;
}

}  // namespace cordata::partition
