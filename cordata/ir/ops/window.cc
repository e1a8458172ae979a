// SPDX-License-Identifier: Apache-2.0
// Ops over a sliding window: pooling and its derivative.
#include "cordata/ir/ops/window.h"

#include "cordata/ir/ops/infer.h"
#include "cordata/ir/ops/rows.h"
#include "cordata/ir/ops/rules.h"
#include "cordata/ir/ops/vjp.h"

namespace cordata::ir::ops {

int64_t dilated(int64_t n, int64_t by) { return n == 0 ? 0 : (n - 1) * by + 1; }

int64_t Window::output(size_t d, int64_t input) const {
  int64_t room = dilated(input, base_dilation[d]) + low[d] + high[d], reach = dilated(size[d], dilation[d]);
  return room == 0 || reach > room ? 0 : (room - reach) / strides[d] + 1;
}

void transpose_padding(const Window& w, const Ints& input, const Ints& output, Ints& low, Ints& high) {
  for (size_t d = 0; d < w.size.size(); ++d) {
    int64_t reach = dilated(w.size[d], w.dilation[d]);
    low.push_back(reach - w.low[d] - 1);
    high.push_back(dilated(input[d], w.base_dilation[d]) + reach - 1 - dilated(output[d], w.strides[d]) -
                   low.back());
  }
}

Ints pairs(const Ints& low, const Ints& high) {
  Ints out;
  for (size_t i = 0; i < low.size(); ++i) out.insert(out.end(), {low[i], high[i]});
  return out;
}

Window reduce_window_of(const OpView& v) {
  size_t rank = v.operands[0].shape.size();
  Ints ones(rank, 1), pads = integers(v, "padding", Ints(2 * rank, 0));
  Window w{integers(v, "window_dimensions", ones),
           integers(v, "window_strides", ones),
           integers(v, "base_dilations", ones),
           integers(v, "window_dilations", ones),
           {},
           {}};
  for (const Ints* p : {&w.size, &w.strides, &w.base_dilation, &w.dilation}) {
    if (p->size() != rank) fail(v, fmt::format("{} entries in each attribute of the window", rank), text(*p));
  }
  if (pads.size() != 2 * rank) fail(v, fmt::format("{} pairs as padding", rank), text(pads));
  for (size_t i = 0; i < rank; ++i) {
    w.low.push_back(pads[2 * i]);
    w.high.push_back(pads[2 * i + 1]);
  }
  return w;
}

namespace {

Types reduce_window(const OpView& v) {
  size_t n = v.operands.size() / 2;
  want(v, n > 0 && v.operands.size() == 2 * n, "as many initial values as operands");
  want_tensors(v);
  Window w = reduce_window_of(v);
  for (int64_t s : w.strides) {
    if (s <= 0) fail(v, "strides of 1 or more", text(w.strides));
  }
  Shape shape = v.operands[0].shape;
  for (size_t d = 0; d < shape.size(); ++d) shape[d] = w.output(d, shape[d]);
  Types out;
  for (size_t i = 0; i < n; ++i) {
    want(v, v.operands[i].shape == v.operands[0].shape, "operands of one shape");
    DType dtype = i < v.results.size() ? v.results[i].dtype : v.operands[n + i].dtype;
    out.push_back(Type::tensor(dtype, shape));
  }
  return out;
}

base::Flops window_elements(const OpView& v, const Type& places) {
  double n = static_cast<double>(places.num_elements());
  for (int64_t s : reduce_window_of(v).size) n *= static_cast<double>(s);
  return base::Flops(n);
}

base::Flops reduce_window_flops(const OpView& v) { return window_elements(v, v.results[0]); }
base::Flops select_and_scatter_flops(const OpView& v) { return window_elements(v, v.operands[1]); }

Types select_and_scatter(const OpView& v) {
  want_operands(v, 3);
  want_tensors(v);
  DType dtype = wanted_dtype(v, v.operands[0].dtype);
  return {Type::tensor(dtype, v.operands[0].shape)};
}

constexpr OpRow kRows[] = {
    {.kind = OpKind::kReduceWindow,
     .infer = reduce_window,
     .vjp = vjp_reduce_window,
     .flops = reduce_window_flops,
     .rule = reduce_window_rule},
    {.kind = OpKind::kSelectAndScatter,
     .infer = select_and_scatter,
     .vjp = vjp_select_and_scatter,
     .flops = select_and_scatter_flops,
     .rule = reduce_window_rule},
};

}  // namespace

std::span<const OpRow> window_rows() { return kRows; }

}  // namespace cordata::ir::ops
