// SPDX-License-Identifier: Apache-2.0
#include "cordata/ir/ops/convolution.h"

#include "cordata/ir/ops/infer.h"
#include "cordata/ir/ops/rows.h"
#include "cordata/ir/ops/rules.h"
#include "cordata/ir/ops/vjp.h"

namespace cordata::ir::ops {

ConvDims conv_dims(const OpView& v) {
  const Attribute& a = structure(v, "dimension_numbers");
  return {field_integer(a, "input_batch_dimension"),
          field_integer(a, "input_feature_dimension"),
          field_integer(a, "kernel_input_feature_dimension"),
          field_integer(a, "kernel_output_feature_dimension"),
          field_integer(a, "output_batch_dimension"),
          field_integer(a, "output_feature_dimension"),
          field(a, "input_spatial_dimensions"),
          field(a, "kernel_spatial_dimensions"),
          field(a, "output_spatial_dimensions")};
}

Attribute conv_attribute(const ConvDims& d) {
  return Attribute::structure("stablehlo.conv",
                              {{"input_batch_dimension", Attribute::of(d.input_batch)},
                               {"input_feature_dimension", Attribute::of(d.input_feature)},
                               {"input_spatial_dimensions", Attribute::dense_array(d.input_spatial)},
                               {"kernel_input_feature_dimension", Attribute::of(d.kernel_input_feature)},
                               {"kernel_output_feature_dimension", Attribute::of(d.kernel_output_feature)},
                               {"kernel_spatial_dimensions", Attribute::dense_array(d.kernel_spatial)},
                               {"output_batch_dimension", Attribute::of(d.output_batch)},
                               {"output_feature_dimension", Attribute::of(d.output_feature)},
                               {"output_spatial_dimensions", Attribute::dense_array(d.output_spatial)}});
}

Window conv_window(const OpView& v) {
  ConvDims d = conv_dims(v);
  size_t n = d.input_spatial.size();
  Ints ones(n, 1), pads = integers(v, "padding", Ints(2 * n, 0));
  Window w{{},
           integers(v, "window_strides", ones),
           integers(v, "lhs_dilation", ones),
           integers(v, "rhs_dilation", ones),
           {},
           {}};
  for (const Ints* p : {&w.strides, &w.base_dilation, &w.dilation, &d.kernel_spatial, &d.output_spatial}) {
    if (p->size() != n) fail(v, fmt::format("{} entries in each attribute of the window", n), text(*p));
  }
  if (pads.size() != 2 * n) fail(v, fmt::format("{} pairs as padding", n), text(pads));
  want_dims(v, d.kernel_spatial, v.operands[1].rank(), "kernel_spatial_dimensions");
  for (size_t i = 0; i < n; ++i) {
    w.size.push_back(v.operands[1].shape[d.kernel_spatial[i]]);
    w.low.push_back(pads[2 * i]);
    w.high.push_back(pads[2 * i + 1]);
  }
  return w;
}

namespace {

Ints all_dims(int64_t a, int64_t b, const Ints& spatial) {
  Ints out{a, b};
  out.insert(out.end(), spatial.begin(), spatial.end());
  return out;
}

Types convolution(const OpView& v) {
  want_operands(v, 2);
  want_tensors(v);
  const Type &x = v.operands[0], &kernel = v.operands[1];
  ConvDims d = conv_dims(v);
  int64_t rank = x.rank();
  want(v, rank >= 2 && kernel.rank() == rank, "an input and a kernel of one rank, 2 or more");
  for (const Ints& dims : {all_dims(d.input_batch, d.input_feature, d.input_spatial),
                           all_dims(d.kernel_input_feature, d.kernel_output_feature, d.kernel_spatial),
                           all_dims(d.output_batch, d.output_feature, d.output_spatial)}) {
    want_dims(v, dims, rank, "dimension_numbers");
    if (static_cast<int64_t>(dims.size()) != rank)
      fail(v, fmt::format("{} dimension numbers a tensor", rank), text(dims));
  }
  Window w = conv_window(v);
  for (int64_t s : w.strides) {
    if (s <= 0) fail(v, "strides of 1 or more", text(w.strides));
  }
  int64_t groups = integer(v, "feature_group_count", 1), batch_groups = integer(v, "batch_group_count", 1);
  bool fits = groups > 0 && batch_groups > 0 && x.shape[d.input_batch] % batch_groups == 0 &&
              kernel.shape[d.kernel_input_feature] * groups == x.shape[d.input_feature] &&
              kernel.shape[d.kernel_output_feature] % groups == 0;
  want(v, fits, "a kernel whose features fit the input's and the groups");
  Type out = Type::tensor(wanted_dtype(v, x.dtype), Shape(rank));
  out.shape[d.output_batch] = x.shape[d.input_batch] / batch_groups;
  out.shape[d.output_feature] = kernel.shape[d.kernel_output_feature];
  for (size_t i = 0; i < d.input_spatial.size(); ++i) {
    out.shape[d.output_spatial[i]] = w.output(i, x.shape[d.input_spatial[i]]);
  }
  return {out};
}

// 2 for each product: each output element sums over the kernel's window and input features.
base::Flops convolution_flops(const OpView& v) {
  ConvDims d = conv_dims(v);
  double inner = static_cast<double>(v.operands[1].shape[d.kernel_input_feature]);
  for (int64_t s : conv_window(v).size) inner *= static_cast<double>(s);
  return base::Flops(2.0 * static_cast<double>(v.results[0].num_elements()) * inner);
}

constexpr OpRow kRows[] = {
    {.kind = OpKind::kConvolution,
     .infer = convolution,
     .vjp = vjp_convolution,
     .flops = convolution_flops,
     .rule = convolution_rule},
};

}  // namespace

std::span<const OpRow> convolution_rows() { return kRows; }

}  // namespace cordata::ir::ops
