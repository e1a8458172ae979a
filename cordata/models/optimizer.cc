// SPDX-License-Identifier: Apache-2.0
#include "cordata/models/optimizer.h"

#include <algorithm>
#include <numbers>

#include "cordata/ir/builder.h"

namespace cordata::models {
namespace {

using ir::DType;
using ir::OpKind;
using ir::ValueId;
using Values = std::vector<ValueId>;

bool counts_steps(const OptimizerConfig& c) {
  return c.kind == Optimizer::kAdamW || c.warmup > 0 || c.decay_steps > 0;
}

std::vector<Parameter> states_of(const OptimizerConfig& c, const std::vector<Parameter>& parameters) {
  std::vector<Parameter> states;
  auto add = [&](const std::string& prefix) {
    for (const Parameter& p : parameters) states.push_back({prefix + p.name, p.type});
  };
  if (c.kind == Optimizer::kMomentum) add("trace.");
  if (c.kind == Optimizer::kAdamW) add("m."), add("v.");
  if (counts_steps(c)) states.push_back({"step", ir::Type::tensor(DType::kI32)});
  return states;
}

// Builds one apply module. Scalars (rate, bias corrections, clip factor) are made once and broadcast where
// they are used.
class ApplyBuilder {
 public:
  ApplyBuilder(const OptimizerConfig& config, const std::vector<Parameter>& parameters)
      : c_(config),
        parameters_(parameters),
        n_(parameters.size()),
        dtype_(n_ > 0 ? parameters.front().type.dtype : DType::kF32) {}

  Apply build() {
    std::vector<Parameter> states = states_of(c_, parameters_);
    Values params, old, grads;
    for (const Parameter& p : parameters_) params.push_back(b_.arg(p.type, p.name));
    for (const Parameter& s : states) old.push_back(b_.arg(s.type, s.name));
    for (const Parameter& p : parameters_) grads.push_back(b_.arg(p.type, "grad." + p.name));
    if (counts_steps(c_)) next_step_ = b_.add(old.back(), b_.constant(1, DType::kI32));
    if (c_.clip > 0) clip_ = clip_factor(grads);
    rate_ = schedule();
    if (c_.kind == Optimizer::kAdamW) adam_scalars();

    Values results(n_), moments(states.size());
    for (size_t i = 0; i < n_; ++i) {
      ValueId g = c_.clip > 0 ? b_.mul(grads[i], spread(clip_, grads[i])) : grads[i];
      results[i] = update(i, params[i], g, old, moments);
    }
    if (counts_steps(c_)) moments.back() = next_step_;
    results.insert(results.end(), moments.begin(), moments.end());
    return {b_.finish(results), std::move(states)};
  }

 private:
  ValueId scalar(double v) { return b_.constant(v, dtype_); }
  ValueId spread(ValueId x, ValueId like) { return b_.broadcast_in_dim(x, b_.type(like).shape, {}); }

  // min(1, clip / norm): written as clip / max(norm, clip), which divides by zero nowhere.
  ValueId clip_factor(const Values& grads) {
    ValueId total;
    for (ValueId g : grads) {
      std::vector<int64_t> dims(b_.type(g).shape.size());
      for (size_t d = 0; d < dims.size(); ++d) dims[d] = static_cast<int64_t>(d);
      ValueId squares = b_.mul(g, g);
      if (!dims.empty()) squares = b_.reduce(OpKind::kAdd, squares, 0, dims);
      total = total.valid() ? b_.add(total, squares) : squares;
    }
    ValueId norm = b_.unary(OpKind::kSqrt, total);
    return b_.div(scalar(c_.clip), b_.binary(OpKind::kMaximum, norm, scalar(c_.clip)));
  }

  ValueId schedule() {
    ValueId rate = scalar(c_.lr);
    if (c_.warmup == 0 && c_.decay_steps == 0) return rate;
    ValueId done = b_.convert(next_step_, dtype_);  // t + 1
    ValueId one = scalar(1);
    if (c_.warmup > 0) rate = b_.mul(rate, b_.binary(OpKind::kMinimum, one, b_.scale(done, 1.0 / c_.warmup)));
    if (c_.decay_steps == 0) return rate;
    double span = static_cast<double>(std::max<int64_t>(1, c_.decay_steps - c_.warmup));
    ValueId after = b_.scale(b_.sub(done, scalar(1.0 + c_.warmup)), 1.0 / span);
    ValueId progress = b_.binary(OpKind::kMaximum, scalar(0), b_.binary(OpKind::kMinimum, one, after));
    ValueId wave =
        b_.scale(b_.add(one, b_.unary(OpKind::kCosine, b_.scale(progress, std::numbers::pi))), 0.5);
    return b_.mul(rate, b_.add(scalar(c_.lr_end), b_.scale(wave, 1 - c_.lr_end)));
  }

  // m / (1 - beta1^t) / (sqrt(v / (1 - beta2^t)) + eps) with the corrections moved to scalars:
  // a m / (sqrt(v) + e), a = lr sqrt(1 - beta2^t) / (1 - beta1^t), e = eps sqrt(1 - beta2^t) (Kingma and Ba,
  // sec. 2).
  void adam_scalars() {
    ValueId t = b_.convert(next_step_, dtype_);
    ValueId root = b_.unary(OpKind::kSqrt, b_.sub(scalar(1), b_.binary(OpKind::kPower, scalar(c_.beta2), t)));
    ValueId first = b_.sub(scalar(1), b_.binary(OpKind::kPower, scalar(c_.beta1), t));
    adam_rate_ = b_.mul(rate_, b_.div(root, first));
    adam_eps_ = b_.scale(root, c_.eps);
    keep_ = b_.sub(scalar(1), b_.scale(rate_, c_.weight_decay));
  }

  ValueId update(size_t i, ValueId p, ValueId g, const Values& old, Values& moments) {
    if (c_.kind == Optimizer::kAdamW) return adam(i, p, g, old, moments);
    if (c_.kind == Optimizer::kMomentum) g = moments[i] = b_.add(g, b_.scale(old[i], c_.momentum));
    return b_.sub(p, b_.mul(g, spread(rate_, p)));
  }

  ValueId adam(size_t i, ValueId p, ValueId g, const Values& old, Values& moments) {
    ValueId m = b_.add(b_.scale(old[i], c_.beta1), b_.scale(g, 1 - c_.beta1));
    ValueId v = b_.add(b_.scale(old[n_ + i], c_.beta2), b_.scale(b_.mul(g, g), 1 - c_.beta2));
    moments[i] = m, moments[n_ + i] = v;
    ValueId below = b_.add(b_.unary(OpKind::kSqrt, v), spread(adam_eps_, p));
    ValueId change = b_.div(b_.mul(m, spread(adam_rate_, p)), below);
    bool decays = c_.weight_decay > 0 && parameters_[i].decay;
    return b_.sub(decays ? b_.mul(p, spread(keep_, p)) : p, change);
  }

  const OptimizerConfig& c_;
  const std::vector<Parameter>& parameters_;
  size_t n_;
  DType dtype_;
  ir::GraphBuilder b_;
  ValueId next_step_, clip_, rate_, adam_rate_, adam_eps_, keep_;
};

}  // namespace

Apply build_apply(const OptimizerConfig& config, const std::vector<Parameter>& parameters) {
  return ApplyBuilder(config, parameters).build();
}

}  // namespace cordata::models
