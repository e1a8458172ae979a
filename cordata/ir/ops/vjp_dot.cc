// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "cordata/ir/ops/dot.h"
#include "cordata/ir/ops/vjp.h"

namespace cordata::ir::ops {
namespace {

Ints range(size_t from, size_t count) {
  Ints out(count);
  for (size_t i = 0; i < count; ++i) out[i] = static_cast<int64_t>(from + i);
  return out;
}

// The cotangent of one side (`own`) from the result's and the other side's value. The product over the other
// side's free dims comes out as [batch, own free, other's contracting dims in their order]; a transpose takes
// it to own's order.
struct Side {
  Ints batch, contract, free;
};

Expr cotangent_of(const Side& own, const Side& other, Expr ct, const Ints& ct_other_free, Expr other_value,
                  DType own_dtype) {
  Ints sorted = other.contract;
  std::ranges::sort(sorted);
  Ints made = own.batch;  // for each dim of the product, own's dim
  made.insert(made.end(), own.free.begin(), own.free.end());
  for (int64_t d : sorted)
    made.push_back(own.contract[std::ranges::find(other.contract, d) - other.contract.begin()]);
  Ints permutation(made.size());
  for (size_t i = 0; i < made.size(); ++i) permutation[made[i]] = static_cast<int64_t>(i);

  GraphBuilder& b = ct.b;
  DType wide =
      bits(ct.type().dtype) >= bits(other_value.type().dtype) ? ct.type().dtype : other_value.type().dtype;
  ValueId product =
      b.dot_general(b.convert(ct, wide), b.convert(other_value, wide), range(0, own.batch.size()),
                    other.batch, ct_other_free, other.free, own_dtype);
  return ct.of(std::ranges::is_sorted(permutation) ? product : b.transpose(product, permutation));
}

void backward(Flow& f, const DotDims& d) {
  Side lhs{d.lhs_batch, d.lhs_contract, d.lhs_free}, rhs{d.rhs_batch, d.rhs_contract, d.rhs_free};
  Ints lhs_free = range(lhs.batch.size(), lhs.free.size());
  Ints rhs_free = range(lhs.batch.size() + lhs.free.size(), rhs.free.size());
  if (f.wants(0)) f.give(0, cotangent_of(lhs, rhs, f.ct(), rhs_free, f.x(1), f.x(0).type().dtype));
  if (f.wants(1)) f.give(1, cotangent_of(rhs, lhs, f.ct(), lhs_free, f.x(0), f.x(1).type().dtype));
}

}  // namespace

void vjp_dot_general(VjpView& v) {
  Flow f(v);
  backward(f, dot_dims(f.op()));
}

void vjp_dot(VjpView& v) {
  Flow f(v);
  int64_t last = f.x(0).type().rank() - 1;
  backward(f, {{}, {}, {last}, {0}, range(0, last), range(1, f.x(1).type().rank() - 1)});
}

}  // namespace cordata::ir::ops
