// SPDX-License-Identifier: Apache-2.0
#include "cordata/step/joint.h"

#include <algorithm>
#include <map>

#include "cordata/base/error.h"
#include "cordata/ir/builder.h"
#include "cordata/ir/op_table.h"

namespace cordata::step {
namespace {

using base::user_error;
using ir::ValueId;

// Where the joint graph's arguments stand, by role.
struct JointArgs {
  std::vector<ValueId> params, opt_states, states, batch;
  ValueId key;

  ValueId& at(Role role, int index) {
    auto grow = [index](std::vector<ValueId>& v) -> ValueId& {
      if (static_cast<int>(v.size()) <= index) v.resize(index + 1);
      return v[index];
    };
    switch (role) {
      case Role::kParam:
        return grow(params);
      case Role::kOptState:
        return grow(opt_states);
      case Role::kState:
        return grow(states);
      case Role::kBatch:
        return grow(batch);
      default:
        return key;
    }
  }
};

// The arguments of one role, in the order of their index, as arguments of the joint graph.
void add_args(ir::GraphBuilder& b, const ir::Graph& from, const std::vector<Port>& ports, Role role,
              JointArgs& out, std::vector<Port>& joint_ports) {
  std::vector<int> order;
  for (int i = 0; i < static_cast<int>(ports.size()); ++i)
    if (ports[i].role == role) order.push_back(i);
  std::sort(order.begin(), order.end(), [&](int x, int y) { return ports[x].index < ports[y].index; });
  for (int i : order) {
    ValueId& slot = out.at(role, ports[i].index);
    if (slot.valid()) continue;
    slot = b.arg(from.type(from.args()[i]), ports[i].name);
    joint_ports.push_back(ports[i]);
  }
}

bool narrow_float(const ir::Type& t) { return ir::is_float(t.dtype) && ir::bits(t.dtype) < 32; }

ValueId accumulate(ir::GraphBuilder& b, ValueId v) {
  return b.value(ir::OpKind::kAccumulate, {v}, {}, {b.type(v)});
}

// Sums over microbatches and joins them; gradients come back in the type that apply wants.
class Join {
 public:
  Join(ir::GraphBuilder& b, LossJoin join, int microbatches) : b_(b), join_(join), m_(microbatches) {}

  void set_weight(ValueId weight) { weight_ = accumulate(b_, weight); }

  ValueId operator()(ValueId v, const ir::Type& wanted) {
    if (m_ > 1 && narrow_float(b_.type(v))) v = b_.convert(v, ir::DType::kF32);
    ValueId sum = accumulate(b_, v);
    if (join_ == LossJoin::kMean && m_ > 1) sum = b_.scale(sum, 1.0 / m_);
    if (join_ == LossJoin::kWeighted) sum = divide_by_weight(sum);
    return b_.type(sum).dtype == wanted.dtype ? sum : b_.convert(sum, wanted.dtype);
  }

 private:
  ValueId divide_by_weight(ValueId sum) {
    const ir::Type type = b_.type(sum);
    ValueId w = b_.type(weight_).dtype == type.dtype ? weight_ : b_.convert(weight_, type.dtype);
    if (!type.shape.empty()) w = b_.broadcast_in_dim(w, type.shape, {});
    return b_.div(sum, w);
  }

  ir::GraphBuilder& b_;
  LossJoin join_;
  int m_;
  ValueId weight_;
};

// Marks every op that some of `roots` depend on; accumulates are marked but not passed.
std::vector<bool> ancestors(const ir::Graph& g, const std::vector<ValueId>& roots, bool pass_accumulates) {
  std::vector<bool> node(g.num_nodes(), false);
  std::vector<ValueId> stack = roots;
  while (!stack.empty()) {
    const ValueId v = stack.back();
    stack.pop_back();
    const ir::NodeId def = g.value(v).def;
    if (!def.valid() || node[def.index]) continue;
    node[def.index] = true;
    const ir::Node& n = g.node(def);
    if (n.kind == ir::OpKind::kAccumulate && !pass_accumulates) continue;
    stack.insert(stack.end(), n.operands.begin(), n.operands.end());
    for (ValueId c : ir::captures(g, n)) stack.push_back(c);
  }
  return node;
}

// Phases follow from structure alone: what accumulates and new states depend on runs once a microbatch, of it
// what the loss and new states depend on is forward; all else is apply.
std::vector<Phase> find_phases(const ir::Graph& g, const std::vector<ValueId>& new_states) {
  std::vector<ValueId> accumulated = new_states, forward_results = new_states;
  forward_results.push_back(g.results()[0]);
  for (ir::NodeId id : g.ops())
    if (g.node(id).kind == ir::OpKind::kAccumulate) accumulated.push_back(g.node(id).operands[0]);
  const std::vector<bool> microbatch = ancestors(g, accumulated, true);
  const std::vector<bool> forward = ancestors(g, forward_results, true);

  std::vector<Phase> phases;
  for (ir::NodeId id : g.ops()) {
    if (g.node(id).kind == ir::OpKind::kAccumulate)
      phases.push_back(Phase::kAccumulate);
    else if (!microbatch[id.index])
      phases.push_back(Phase::kApply);
    else
      phases.push_back(forward[id.index] ? Phase::kForward : Phase::kBackward);
  }
  return phases;
}

// Where results stand, by role and index.
class Places {
 public:
  explicit Places(const std::vector<Port>& ports) {
    for (size_t i = 0; i < ports.size(); ++i)
      at_.try_emplace({ports[i].role, ports[i].index}, static_cast<int>(i));
  }
  int find(Role role, int index) const {
    const auto it = at_.find({role, index});
    return it == at_.end() ? -1 : it->second;
  }

 private:
  std::map<std::pair<Role, int>, int> at_;
};

std::vector<ValueId> bind_grad(const TrainStep& step, JointArgs& args) {
  std::vector<ValueId> bound;
  for (const Port& p : step.grad_args) bound.push_back(args.at(p.role, p.index));
  return bound;
}

std::vector<ValueId> bind_apply(const TrainStep& step, JointArgs& args, const std::vector<ValueId>& grads) {
  std::vector<ValueId> bound;
  for (const Port& p : step.apply_args)
    bound.push_back(p.role == Role::kGrad ? grads[p.index] : args.at(p.role, p.index));
  return bound;
}

}  // namespace

std::string_view name(Phase phase) {
  constexpr std::string_view kNames[] = {"forward", "backward", "accumulate", "apply"};
  return kNames[static_cast<int>(phase)];
}

JointStep build_joint(const TrainStep& step, int microbatches) {
  if (microbatches < 1 || step.batch % microbatches != 0)
    throw user_error(
        "[step.joint] wanted a number of microbatches that divides the batch of {}, got {}; try another "
        "--microbatches, or batch=",
        step.batch, microbatches);
  const int64_t size = step.batch / microbatches;
  if (std::find(step.microbatch_sizes.begin(), step.microbatch_sizes.end(), size) ==
      step.microbatch_sizes.end())
    throw user_error(
        "[step.joint] wanted a grad module for microbatches of {} samples, got sizes {}; try exporting the "
        "train step with that size",
        size, fmt::join(step.microbatch_sizes, ", "));

  const ir::Graph grad = step.grad(size);
  JointStep joint;
  joint.microbatches = microbatches;
  joint.microbatch_size = size;

  ir::GraphBuilder b;
  JointArgs args;
  add_args(b, grad, step.grad_args, Role::kParam, args, joint.args);
  add_args(b, step.apply, step.apply_args, Role::kParam, args, joint.args);
  add_args(b, step.apply, step.apply_args, Role::kOptState, args, joint.args);
  add_args(b, grad, step.grad_args, Role::kState, args, joint.args);
  add_args(b, grad, step.grad_args, Role::kBatch, args, joint.args);
  add_args(b, grad, step.grad_args, Role::kKey, args, joint.args);

  const std::vector<ValueId> out = b.inline_graph(grad, bind_grad(step, args));
  const Places made(step.grad_results), renewed(step.apply_results);
  Join join(b, step.join, microbatches);
  if (const int w = made.find(Role::kWeight, 0); w >= 0) join.set_weight(out[w]);

  const int loss_at = made.find(Role::kLoss, 0);
  if (loss_at < 0)
    throw user_error("[step.joint] wanted a grad module with a loss result, got none; try roles.json");
  const ValueId loss = join(out[loss_at], b.type(out[loss_at]));

  std::vector<ValueId> grads(step.num_params());
  for (size_t i = 0; i < step.apply_args.size(); ++i) {
    const Port& p = step.apply_args[i];
    if (p.role != Role::kGrad) continue;
    const int at = made.find(Role::kGrad, p.index);
    if (at < 0)
      throw user_error("[step.joint] apply wants the gradient of parameter {} ({}), the grad module has none",
                       p.index, p.name);
    grads[p.index] = join(out[at], step.apply.type(step.apply.args()[i]));
  }

  const std::vector<ValueId> applied = b.inline_graph(step.apply, bind_apply(step, args, grads));
  std::vector<ValueId> results{loss};
  joint.results.push_back({Role::kLoss, 0, "loss", -1});
  for (Role role : {Role::kParam, Role::kOptState})
    for (int index = 0;; ++index) {
      const int at = renewed.find(role, index);
      if (at < 0) break;
      results.push_back(applied[at]);
      joint.results.push_back(step.apply_results[at]);
    }
  size_t first_state = results.size();
  for (int index = 0;; ++index) {
    const int at = made.find(Role::kState, index);
    if (at < 0) break;
    results.push_back(out[at]);
    joint.results.push_back(step.grad_results[at]);
  }

  joint.graph = ir::canonicalize(b.finish(std::move(results)));
  const auto all = joint.graph.results();
  joint.phase = find_phases(joint.graph, {all.begin() + static_cast<int64_t>(first_state), all.end()});
  return joint;
}

uint64_t model_hash(const TrainStep& step) {
  const auto mix = [](uint64_t h, uint64_t v) {
    return (h ^ (v + 0x9e3779b97f4a7c15ull + (h << 6) + (h >> 2))) * 0xff51afd7ed558ccdull;
  };
  uint64_t h =
      mix(ir::structural_hash(step.grad(step.microbatch_sizes.back())), ir::structural_hash(step.apply));
  h = mix(h, static_cast<uint64_t>(step.batch) * 3 + static_cast<uint64_t>(step.join));
  if (step.key) h = mix(h, ir::structural_hash(*step.key));
  for (const auto* ports : {&step.grad_args, &step.grad_results, &step.apply_args, &step.apply_results})
    for (const Port& p : *ports)
      h = mix(h, static_cast<uint64_t>(p.role) * 1000003 + static_cast<uint64_t>(p.index));
  return h;
}

}  // namespace cordata::step
