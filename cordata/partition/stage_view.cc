// SPDX-License-Identifier: Apache-2.0
#include "cordata/partition/stage_view.h"

#include <set>

#include "cordata/base/error.h"
#include "cordata/ir/op_table.h"

namespace cordata::partition {

using ir::OpKind;
using ir::ValueId;
using sharding::Sharding;
using step::Pass;
using step::Phase;

StageView::StageView(const step::StageGraph& stage, const plan::StageSharding& sharding,
                     const sharding::Mesh& mesh)
    : stage_(stage), sharding_(sharding), mesh_(mesh) {
  size_t ops = graph().ops().size(), args = graph().args().size(), results = graph().results().size();
  if (sharding.ops.size() != ops || sharding.args.size() != args || sharding.results.size() != results) {
    throw base::internal_error(
        "[partition] wanted shardings of {} ops, {} arguments and {} results, got {}, {} and {}", ops, args,
        results, sharding.ops.size(), sharding.args.size(), sharding.results.size());
  }
  maker_.assign(graph().num_values(), -1);
  produced_.resize(graph().num_values());
  for (size_t i = 0; i < args; ++i) produced_[graph().args()[i].index] = sharding.args[i];
  std::set<Pass> passes;
  for (int p = 0; p < num_ops(); ++p) {
    rules_.push_back(ir::factor_rule(graph(), op(p)));
    for (int i = 0; i < op(p).num_results; ++i) {
      maker_[op(p).result(i).index] = p;
      produced_[op(p).result(i).index] = result_sharding(rules_[p], strategy(p), i);
    }
    passes.insert(pass(p));
  }
  for (const plan::Hub& h : sharding.hubs) hubs_[{h.value, h.pass}] = h.sharding;
  passes_.assign(passes.begin(), passes.end());
  // Accumulated values and arguments are delivered once a step, even where nothing else happens then.
  if (passes_.empty() || passes_.back().phase != Phase::kApply) {
    bool once_a_step = false;
    for (ValueId v : graph().results()) once_a_step |= maker(v) < 0 || accumulates(v);
    for (int p = 0; p < num_ops(); ++p) once_a_step |= op(p).kind == OpKind::kAccumulate;
    if (once_a_step) passes_.push_back({Phase::kApply, 0});
  }
}

Pass StageView::pass(int position) const {
  Pass p = stage_.pass[position];
  return op(position).kind == OpKind::kAccumulate || p.phase == Phase::kAccumulate ? Pass{Phase::kBackward, 0}
                                                                                   : p;
}

bool StageView::accumulates(ValueId v) const {
  return maker(v) >= 0 && op(maker(v)).kind == OpKind::kAccumulate;
}
Pass StageView::made_in(ValueId v) const { return pass(maker(v)); }

Pass StageView::delivered_in(ValueId v) const {
  if (maker(v) < 0) return passes_.back();
  return accumulates(v) ? Pass{Phase::kApply, 0} : made_in(v);
}

Sharding StageView::kept(ValueId v) const {
  if (maker(v) < 0 || accumulates(v)) return produced(v);
  const Sharding* own = hub(v, made_in(v));
  return own ? *own : produced(v);
}

const Sharding* StageView::hub(ValueId v, Pass pass) const {
  auto it = hubs_.find({v.index, pass});
  return it == hubs_.end() ? nullptr : &it->second;
}

ir::Type StageView::local(ValueId v, const Sharding& s) const {
  const ir::Type& type = graph().type(v);
  if (!fits(type, s, mesh_)) {
    throw base::internal_error("[partition] wanted a sharding that fits {} on mesh {}, got {}",
                               ir::to_string(type), to_string(mesh_), to_string(s, type, mesh_));
  }
  return local_type(type, s, mesh_);
}

std::vector<StageView::Read> StageView::reads(int position) const {
  const ir::Node& node = op(position);
  std::vector<Read> result;
  for (size_t i = 0; i < node.operands.size(); ++i) {
    result.push_back({node.operands[i],
                      operand_sharding(rule(position), strategy(position), static_cast<int>(i)),
                      rule(position).awaits(i)});
  }
  if (!node.regions.empty()) {
    for (ValueId v : ir::captures(graph(), node)) result.push_back({v, Sharding{}, false});
  }
  return result;
}

}  // namespace cordata::partition
