// SPDX-License-Identifier: Apache-2.0
#include "cordata/ir/ops/convolution.h"
#include "cordata/ir/ops/vjp.h"

namespace cordata::ir::ops {
namespace {

Ints sizes(const Shape& shape, const Ints& dims) {
  Ints out;
  for (int64_t d : dims) out.push_back(shape[d]);
  return out;
}

// Takes `groups` out of dim `from` (major) and puts them before dim `to` (major): [.., g x, .., y, ..] ->
// [.., x, .., g y, ..].
Expr move_groups(Expr v, int64_t from, int64_t to, int64_t groups) {
  if (groups == 1) return v;
  Shape split = v.type().shape, joined = v.type().shape;
  joined[from] /= groups;
  joined[to] *= groups;
  split[from] /= groups;
  split.insert(split.begin() + from, groups);  // dim `from` is the groups; later dims moved on by one
  Ints order;
  for (int64_t d = 0; d < static_cast<int64_t>(split.size()); ++d) {
    if (d == from) continue;
    if (d == (to > from ? to + 1 : to)) order.push_back(from);
    order.push_back(d);
  }
  v.id = v.b.transpose(v.b.reshape(v, split), order);
  return v.of(v.b.reshape(v, joined));
}

struct Conv {
  ConvDims dims;
  Window window;
  Ints pads;
  int64_t groups = 1, batch_groups = 1;
};

Expr convolve(Expr x, Expr kernel, const Conv& c, Type result, const AttrDict& like) {
  AttrDict attrs = {{"dimension_numbers", conv_attribute(c.dims)},
                    {"window_strides", Attribute::dense_array(c.window.strides)},
                    {"lhs_dilation", Attribute::dense_array(c.window.base_dilation)},
                    {"rhs_dilation", Attribute::dense_array(c.window.dilation)},
                    {"feature_group_count", Attribute::of(c.groups)},
                    {"batch_group_count", Attribute::of(c.batch_groups)}};
  DenseElements pads = dense_i64(c.pads, {static_cast<int64_t>(c.pads.size()) / 2, 2});
  attrs.emplace("padding", Attribute::elements(std::move(pads)));
  if (auto it = like.find("precision_config"); it != like.end()) attrs.emplace(it->first, it->second);
  return x.of(x.b.value(OpKind::kConvolution, {x, kernel}, std::move(attrs), {std::move(result)}));
}

Expr widened(Expr x, DType other) {
  return bits(other) > bits(x.type().dtype) ? x.of(x.b.convert(x, other)) : x;
}

Expr reversed(Expr x, const Ints& dims) {
  return dims.empty()
             ? x
             : x.of(x.b.value(OpKind::kReverse, {x}, {{"dimensions", Attribute::dense_array(dims)}}));
}

// The result's cotangent, spread by the strides, under the kernel turned around, with its features' roles
// exchanged.
Expr backward_input(Flow& f, const ConvDims& d, const Window& w, int64_t groups, int64_t batch_groups,
                    Expr kernel) {
  Type in = f.x(0).type();
  Expr turned = move_groups(reversed(kernel, d.kernel_spatial), d.kernel_output_feature,
                            d.kernel_input_feature, groups * batch_groups);
  Conv c{{d.output_batch, d.output_feature, d.kernel_output_feature, d.kernel_input_feature, d.input_batch,
          d.input_feature, d.output_spatial, d.kernel_spatial, d.input_spatial},
         w,
         {},
         groups * batch_groups,
         1};
  std::swap(c.window.strides, c.window.base_dilation);
  Ints low, high;
  transpose_padding(w, sizes(in.shape, d.input_spatial), sizes(f.ct().type().shape, d.output_spatial), low,
                    high);
  c.pads = pairs(low, high);
  Type made = in;  // with batch groups, each group's features stand side by side first
  made.shape[d.input_batch] /= batch_groups;
  made.shape[d.input_feature] *= batch_groups;
  Expr out = convolve(widened(f.ct(), turned.type().dtype), widened(turned, f.ct().type().dtype), c, made,
                      f.op().attrs);
  return move_groups(out, d.input_feature, d.input_batch, batch_groups);
}

// The input under the result's cotangent as a kernel, batches contracted. Groups of features become groups of
// the batch.
Expr backward_kernel(Flow& f, const ConvDims& d, const Window& w, int64_t groups, int64_t batch_groups) {
  Conv c{{d.input_feature, d.input_batch, d.output_batch, d.output_feature, d.kernel_input_feature,
          d.kernel_output_feature, d.input_spatial, d.output_spatial, d.kernel_spatial},
         w,
         {},
         batch_groups,
         groups};
  std::swap(c.window.strides, c.window.dilation);
  Ints in = sizes(f.x(0).type().shape, d.input_spatial), out = sizes(f.ct().type().shape, d.output_spatial),
       high;
  for (size_t i = 0; i < in.size(); ++i) {
    int64_t from_window = dilated(w.size[i], w.dilation[i]) - w.low[i] - 1;
    high.push_back(dilated(out[i], w.strides[i]) - dilated(in[i], w.base_dilation[i]) + from_window);
  }
  c.pads = pairs(w.low, high);
  Expr x = widened(f.x(0), f.ct().type().dtype), ct = widened(f.ct(), f.x(0).type().dtype);
  return convolve(x, ct, c, f.x(1).type(), f.op().attrs);
}

}  // namespace

void vjp_convolution(VjpView& v) {
  Flow f(v);
  ConvDims d = conv_dims(f.op());
  Window w = conv_window(f.op());
  int64_t groups = integer(f.op(), "feature_group_count", 1),
          batch_groups = integer(f.op(), "batch_group_count", 1);
  Ints turned, flags = integers(f.op(), "window_reversal", Ints(d.kernel_spatial.size(), 0));
  for (size_t i = 0; i < flags.size(); ++i) {
    if (flags[i]) turned.push_back(d.kernel_spatial[i]);
  }
  if (f.wants(0)) f.give(0, backward_input(f, d, w, groups, batch_groups, reversed(f.x(1), turned)));
  if (f.wants(1)) f.give(1, reversed(backward_kernel(f, d, w, groups, batch_groups), turned));
}

}  // namespace cordata::ir::ops
