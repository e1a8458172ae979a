// SPDX-License-Identifier: Apache-2.0
#include "cordata/ir/autodiff.h"

#include "cordata/base/error.h"
#include "cordata/ir/pullback.h"

namespace cordata::ir {
namespace {

bool continuous(const Type& t) { return t.is_tensor() && (is_float(t.dtype) || is_complex(t.dtype)); }

void check(const Graph& loss_fn, std::span<const int> wrt) {
  const Type* loss = loss_fn.results().empty() ? nullptr : &loss_fn.type(loss_fn.results()[0]);
  if (!loss || !loss->is_tensor() || loss->rank() != 0 || !is_float(loss->dtype)) {
    throw base::user_error("[ir.gradient] wanted a function whose first result is a scalar float, got {}",
                           loss ? to_string(*loss) : "no result");
  }
  for (int i : wrt) {
    bool there = i >= 0 && i < static_cast<int>(loss_fn.args().size());
    if (there && continuous(loss_fn.type(loss_fn.args()[i]))) continue;
    throw base::user_error(
        "[ir.gradient] wanted float arguments to differentiate by, got argument {} {}", i,
        there ? "of " + to_string(loss_fn.type(loss_fn.args()[i])) : "of a function that has fewer");
  }
}

}  // namespace

Graph gradient(const Graph& loss_fn, std::span<const int> wrt) {
  check(loss_fn, wrt);
  GraphBuilder b(loss_fn.name());
  b.set_module_attrs(loss_fn.module_attrs());
  ReverseMode reverse(loss_fn, b);
  for (size_t i = 0; i < loss_fn.args().size(); ++i) {
    ValueId arg = loss_fn.args()[i];
    AttrDict attrs = i < loss_fn.arg_attrs().size() ? loss_fn.arg_attrs()[i] : AttrDict{};
    reverse.bind(arg, b.arg(loss_fn.type(arg), loss_fn.value(arg).name, std::move(attrs)), false);
  }
  for (int i : wrt) reverse.bind(loss_fn.args()[i], reverse.now(loss_fn.args()[i]), true);
  RegionId body(0);
  reverse.copy_forward(body);
  ValueId loss = loss_fn.results()[0];
  reverse.seed(loss, b.constant(1, loss_fn.type(loss).dtype));
  reverse.walk_back(body);
  std::vector<ValueId> results;
  for (ValueId v : loss_fn.results()) results.push_back(reverse.now(v));
  for (int i : wrt) results.push_back(reverse.cotangent_or_zero(loss_fn.args()[i]));
  std::vector<AttrDict> attrs = loss_fn.result_attrs();
  if (!attrs.empty()) attrs.resize(results.size());
  return without_dead_ops(b.finish(std::move(results), std::move(attrs)));
}

}  // namespace cordata::ir
