// SPDX-License-Identifier: Apache-2.0
// The derivative of a product over a sliding window, of which a cumulative product is one.
#include <algorithm>

#include "cordata/ir/ops/vjp.h"
#include "cordata/ir/ops/window.h"

namespace cordata::ir::ops {
namespace {

constexpr int64_t kMostPlaces = 1024;  // the derivative has a few ops for each place of the window

Expr pad(Expr x, double with, const Ints& low, const Ints& high, const Ints& interior) {
  ValueId value = x.b.constant(with, x.type().dtype);
  return x.of(x.b.value(OpKind::kPad, {x, value},
                        {{"edge_padding_low", Attribute::dense_array(low)},
                         {"edge_padding_high", Attribute::dense_array(high)},
                         {"interior_padding", Attribute::dense_array(interior)}}));
}

// One place of the window: the elements that stand there, over all positions of the window.
struct Place {
  Ints start, limit;
};

std::vector<Place> places(const Window& w, const Shape& output) {
  std::vector<Place> all;
  Ints at(w.size.size(), 0);
  for (bool more = true; more;) {
    Place p;
    for (size_t d = 0; d < at.size(); ++d) {
      p.start.push_back(at[d] * w.dilation[d]);
      p.limit.push_back(p.start[d] + (output[d] - 1) * w.strides[d] + 1);
    }
    all.push_back(std::move(p));
    more = false;
    for (size_t d = at.size(); d-- > 0 && !more;) {
      more = ++at[d] < w.size[d];
      if (!more) at[d] = 0;
    }
  }
  return all;
}

}  // namespace

// Each element gets the product of the others, made of those before it and those after it, so that zeros do
// no harm.
void vjp_window_product(VjpView& v) {
  Flow f(v);
  GraphBuilder& b = f.b();
  Window w = reduce_window_of(f.op());
  if (std::ranges::any_of(w.base_dilation, [](int64_t x) { return x > 1; }))
    f.refuse("no dilation of the operand", "some");
  if (!is_constant(f.x(1), 1)) f.refuse("the initial value 1", "another one");
  int64_t count = 1;
  for (int64_t s : w.size) count *= s;
  if (count > kMostPlaces)
    f.refuse(fmt::format("a window of at most {} places", kMostPlaces), std::to_string(count));
  const Shape out = f.ct().type().shape;
  if (f.ct().type().num_elements() == 0) return;

  Ints none(out.size(), 0), back_low, back_high, interior;
  for (size_t d = 0; d < out.size(); ++d) {
    back_low.push_back(-w.low[d]);
    back_high.push_back(-w.high[d]);
    interior.push_back(w.strides[d] - 1);
  }
  Expr padded = pad(f.x(0), 1, w.low, w.high, none);
  const Shape whole = padded.type().shape;
  std::vector<Place> all = places(w, out);
  std::vector<ValueId> there, after(all.size());  // after: the cotangent times all places behind
  for (const Place& p : all) there.push_back(b.slice(padded, p.start, p.limit, w.strides));
  after.back() = f.ct();
  for (size_t k = all.size() - 1; k > 0; --k) after[k - 1] = b.mul(after[k], there[k]);
  ValueId before, total;
  for (size_t k = 0; k < all.size(); ++k) {
    ValueId share = before.valid() ? b.mul(before, after[k]) : after[k];
    Ints high(out.size());
    for (size_t d = 0; d < out.size(); ++d) high[d] = whole[d] - all[k].limit[d];
    ValueId spread = pad(f.ct().of(share), 0, all[k].start, high, interior);
    total = total.valid() ? b.add(total, spread) : spread;
    before = before.valid() ? b.mul(before, there[k]) : there[k];
  }
  f.give(0, pad(f.ct().of(total), 0, back_low, back_high, none));
}

}  // namespace cordata::ir::ops
