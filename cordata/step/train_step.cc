// SPDX-License-Identifier: Apache-2.0
#include "cordata/step/train_step.h"

#include <algorithm>
#include <span>

#include "cordata/base/error.h"

namespace cordata::step {
namespace {

using base::user_error;
using Ports = std::vector<Port>;

int count(const Ports& ports, Role role) {
  return static_cast<int>(
      std::count_if(ports.begin(), ports.end(), [&](const Port& p) { return p.role == role; }));
}

std::string label(const std::string& where, const Port& port) {
  return fmt::format("{} {} {}{}", where, name(port.role), port.index,
                     port.name.empty() ? "" : " (" + port.name + ")");
}

// The types of one module's arguments or results beside their roles.
struct Side {
  std::string where;  // "grad argument"
  const Ports& ports;
  std::vector<ir::Type> types;

  const ir::Type& type(Role role, int index) const {
    for (size_t i = 0; i < ports.size(); ++i)
      if (ports[i].role == role && ports[i].index == index) return types[i];
    throw user_error("[step] wanted a {} for {} {}, found none", where, name(role), index);
  }
};

Side side(const std::string& where, const Ports& ports, const ir::Graph& graph,
          std::span<const ir::ValueId> values) {
  if (ports.size() != values.size())
    throw user_error("[step] wanted a role for each {}: the module has {}, there are roles for {}", where,
                     values.size(), ports.size());
  Side s{where, ports, {}};
  for (ir::ValueId v : values) s.types.push_back(graph.type(v));
  return s;
}

void check_roles(const Side& s, std::initializer_list<Role> allowed) {
  for (const Port& p : s.ports)
    if (std::find(allowed.begin(), allowed.end(), p.role) == allowed.end())
      throw user_error("[step] {} can't be: no {} has this role", label(s.where, p), s.where);
  for (Role role : allowed) {
    if (role == Role::kAux) continue;
    int n = count(s.ports, role);
    std::vector<bool> seen(static_cast<size_t>(n));
    for (const Port& p : s.ports) {
      if (p.role != role) continue;
      if (p.index < 0 || p.index >= n || seen[p.index])
        throw user_error("[step] {}: wanted each of 0 to {} once as index", label(s.where, p), n - 1);
      seen[p.index] = true;
    }
  }
}

// Every value of `role` on side a has one of role `as` on side b, of the same type, and the counts agree.
void check_match(const Side& a, Role role, const Side& b, Role as) {
  if (count(a.ports, role) != count(b.ports, as))
    throw user_error("[step] wanted as many {}s with role {} as {}s with role {}, got {} and {}", b.where,
                     name(as), a.where, name(role), count(b.ports, as), count(a.ports, role));
  for (size_t i = 0; i < a.ports.size(); ++i) {
    const Port& p = a.ports[i];
    if (p.role != role) continue;
    const ir::Type& other = b.type(as, p.index);
    if (other != a.types[i])
      throw user_error("[step] {} is {}, but as {} with role {} it is {}", label(a.where, p),
                       to_string(a.types[i]), b.where, name(as), to_string(other));
  }
}

void check_batch(const Side& args, int64_t size) {
  for (size_t i = 0; i < args.ports.size(); ++i) {
    const Port& p = args.ports[i];
    if (p.role != Role::kBatch) continue;
    bool fits =
        p.batch_dim >= 0 && p.batch_dim < args.types[i].rank() && args.types[i].shape[p.batch_dim] == size;
    if (!fits)
      throw user_error("[step] {} is {}; wanted {} samples in its batch dim {}", label(args.where, p),
                       to_string(args.types[i]), size, p.batch_dim);
  }
}

void check_loss(const TrainStep& step, const Side& results) {
  if (count(results.ports, Role::kLoss) != 1)
    throw user_error("[step] wanted one grad result with role loss");
  const ir::Type& loss = results.type(Role::kLoss, 0);
  if (loss.rank() != 0 || !ir::is_float(loss.dtype))
    throw user_error("[step] wanted a scalar float as loss, got {}", to_string(loss));
  int weights = count(results.ports, Role::kWeight);
  if (weights != (step.join == LossJoin::kWeighted ? 1 : 0))
    throw user_error(
        "[step] wanted one grad result with role weight exactly if the join is 'weighted', got {}", weights);
}

// The key module folds what grad takes.
void check_key(const TrainStep& step, const Side& args) {
  const int keys = count(args.ports, Role::kKey);
  if (keys != (step.key ? 1 : 0))
    throw user_error("[step] wanted one grad argument with role key exactly if there is a key module, got {}",
                     keys);
  if (!step.key) return;
  const auto is_number = [&](size_t i) {
    const ir::Type& t = step.key->type(step.key->args()[i]);
    return t.rank() == 0 && ir::is_integer(t.dtype);
  };
  const ir::Type& key = args.type(Role::kKey, 0);
  const auto in = step.key->args(), out = step.key->results();
  if (in.size() != 3 || out.size() != 1 || !is_number(0) || !is_number(1) || step.key->type(in[2]) != key ||
      step.key->type(out[0]) != key)
    throw user_error(
        "[step] wanted a key module (step, microbatch, key) -> key of two integer scalars and {}, got "
        "another",
        to_string(key));
}

void check_sizes(const TrainStep& step) {
  if (step.microbatch_sizes.empty()) throw user_error("[step] {} has no grad module", step.name);
  for (int64_t size : step.microbatch_sizes)
    if (size < 1 || step.batch % size != 0)
      throw user_error("[step] a microbatch of {} samples doesn't divide the batch of {}", size, step.batch);
}

}  // namespace

std::string_view name(Role role) {
  constexpr std::string_view kNames[] = {"param", "opt_state", "state",  "batch", "key",
                                         "grad",  "loss",      "weight", "aux"};
  return kNames[static_cast<size_t>(role)];
}

int TrainStep::num_params() const { return count(grad_args, Role::kParam); }
int TrainStep::num_opt_states() const { return count(apply_args, Role::kOptState); }
int TrainStep::num_batch_inputs() const { return count(grad_args, Role::kBatch); }

void validate(const TrainStep& step) {
  check_sizes(step);
  int64_t size = step.microbatch_sizes.front();
  ir::Graph grad = step.grad(size);
  Side args = side("grad argument", step.grad_args, grad, grad.args());
  Side results = side("grad result", step.grad_results, grad, grad.results());
  Side apply_args = side("apply argument", step.apply_args, step.apply, step.apply.args());
  Side apply_results = side("apply result", step.apply_results, step.apply, step.apply.results());
  check_roles(args, {Role::kParam, Role::kState, Role::kBatch, Role::kKey});
  check_roles(results, {Role::kLoss, Role::kGrad, Role::kState, Role::kWeight, Role::kAux});
  check_roles(apply_args, {Role::kParam, Role::kOptState, Role::kGrad});
  check_roles(apply_results, {Role::kParam, Role::kOptState});
  check_match(args, Role::kParam, results, Role::kGrad);
  check_match(args, Role::kState, results, Role::kState);
  check_match(args, Role::kParam, apply_args, Role::kParam);
  check_match(apply_args, Role::kParam, apply_results, Role::kParam);
  check_match(apply_args, Role::kParam, apply_args, Role::kGrad);
  check_match(apply_args, Role::kOptState, apply_results, Role::kOptState);
  check_batch(args, size);
  check_loss(step, results);
  check_key(step, args);
}

}  // namespace cordata::step
