// SPDX-License-Identifier: Apache-2.0
#include "cordata/models/model.h"

#include <numeric>

#include "cordata/base/error.h"
#include "cordata/ir/autodiff.h"

namespace cordata::models {
namespace {

using step::Port;
using step::Role;

std::vector<int64_t> divisors(int64_t n) {
  std::vector<int64_t> all;
  for (int64_t d = 1; d <= n; ++d)
    if (n % d == 0) all.push_back(d);
  return all;
}

std::vector<Port> ports(const std::vector<Parameter>& parameters, Role role) {
  std::vector<Port> all;
  for (size_t i = 0; i < parameters.size(); ++i)
    all.push_back({role, static_cast<int>(i), parameters[i].name});
  return all;
}

void append(std::vector<Port>& to, std::vector<Port> from) { to.insert(to.end(), from.begin(), from.end()); }

void add_grad_ports(const Model& model, step::TrainStep& step) {
  step.grad_args = ports(model.parameters, Role::kParam);
  for (size_t i = 0; i < model.inputs.size(); ++i) {
    step.grad_args.push_back({Role::kBatch, static_cast<int>(i), model.inputs[i].name, 0});
    step.vocabulary.push_back(model.inputs[i].vocabulary);
  }
  step.grad_results = {{Role::kLoss, 0, "loss"}};
  append(step.grad_results, ports(model.parameters, Role::kGrad));
}

void add_apply(const Model& model, const Apply& apply, step::TrainStep& step) {
  step.apply = apply.graph;
  step.apply_args = ports(model.parameters, Role::kParam);
  append(step.apply_args, ports(apply.states, Role::kOptState));
  append(step.apply_args, ports(model.parameters, Role::kGrad));
  step.apply_results = ports(model.parameters, Role::kParam);
  append(step.apply_results, ports(apply.states, Role::kOptState));
}

}  // namespace

ir::Graph build_loss(const Model& model, int64_t microbatch_size) {
  ir::GraphBuilder b;
  std::vector<ir::ValueId> params, batch;
  for (const Parameter& p : model.parameters) params.push_back(b.arg(p.type, p.name));
  for (const BatchInput& in : model.inputs) {
    ir::Type type = in.sample;
    type.shape.insert(type.shape.begin(), microbatch_size);
    batch.push_back(b.arg(type, in.name));
  }
  return b.finish({model.loss(b, params, batch)});
}

step::TrainStep make_train_step(Model model, const OptimizerConfig& optimizer, int64_t batch) {
  step::TrainStep step;
  step.name = model.name;
  step.batch = batch;
  step.microbatch_sizes = divisors(batch);
  step.unit = model.unit;
  step.units_per_sample = model.units_per_sample;
  step.data_kind = model.data_kind;
  add_grad_ports(model, step);
  Apply apply = build_apply(optimizer, model.parameters);
  add_apply(model, apply, step);
  step.initial = [parameters = model.parameters, states = apply.states](Role role, int index, uint64_t seed) {
    return initial_value(role == Role::kParam ? parameters.at(index) : states.at(index), seed);
  };
  step.grad = [model = std::move(model)](int64_t size) {
    std::vector<int> wrt(model.parameters.size());
    std::iota(wrt.begin(), wrt.end(), 0);
    return ir::gradient(build_loss(model, size), wrt);
  };
  return step;
}

}  // namespace cordata::models
