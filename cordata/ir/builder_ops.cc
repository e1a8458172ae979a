// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "cordata/ir/builder.h"

namespace cordata::ir {

ValueId GraphBuilder::constant(double v, DType dtype, Shape shape) {
  return constant(splat(v, dtype, std::move(shape)));
}

ValueId GraphBuilder::constant(DenseElements v) {
  return value(OpKind::kConstant, {}, {{"value", Attribute::elements(std::move(v))}});
}

ValueId GraphBuilder::iota(Type type, int64_t dim) {
  return value(OpKind::kIota, {}, {{"iota_dimension", Attribute::of(dim)}}, {std::move(type)});
}

ValueId GraphBuilder::unary(OpKind kind, ValueId x) { return value(kind, {x}); }
ValueId GraphBuilder::binary(OpKind kind, ValueId x, ValueId y) { return value(kind, {x, y}); }
ValueId GraphBuilder::add(ValueId x, ValueId y) { return binary(OpKind::kAdd, x, y); }
ValueId GraphBuilder::sub(ValueId x, ValueId y) { return binary(OpKind::kSubtract, x, y); }
ValueId GraphBuilder::mul(ValueId x, ValueId y) { return binary(OpKind::kMultiply, x, y); }
ValueId GraphBuilder::div(ValueId x, ValueId y) { return binary(OpKind::kDivide, x, y); }
ValueId GraphBuilder::neg(ValueId x) { return unary(OpKind::kNegate, x); }

ValueId GraphBuilder::scale(ValueId x, double k) {
  Type t = type(x);
  return mul(x, constant(k, t.dtype, t.shape));
}

ValueId GraphBuilder::compare(ValueId x, ValueId y, const std::string& direction) {
  return value(
      OpKind::kCompare, {x, y},
      {{"comparison_direction", Attribute::enumeration("stablehlo.comparison_direction", direction)}});
}

ValueId GraphBuilder::select(ValueId pred, ValueId on_true, ValueId on_false) {
  return value(OpKind::kSelect, {pred, on_true, on_false});
}

ValueId GraphBuilder::convert(ValueId x, DType dtype) {
  if (type(x).dtype == dtype) return x;
  return value(OpKind::kConvert, {x}, {}, {Type::tensor(dtype, type(x).shape)});
}

ValueId GraphBuilder::reshape(ValueId x, Shape shape) {
  if (type(x).shape == shape) return x;
  return value(OpKind::kReshape, {x}, {}, {Type::tensor(type(x).dtype, std::move(shape))});
}

ValueId GraphBuilder::transpose(ValueId x, std::vector<int64_t> permutation) {
  return value(OpKind::kTranspose, {x}, {{"permutation", Attribute::dense_array(std::move(permutation))}});
}

ValueId GraphBuilder::broadcast_in_dim(ValueId x, Shape shape, std::vector<int64_t> dims) {
  return value(OpKind::kBroadcastInDim, {x},
               {{"broadcast_dimensions", Attribute::dense_array(std::move(dims))}},
               {Type::tensor(type(x).dtype, std::move(shape))});
}

ValueId GraphBuilder::slice(ValueId x, std::vector<int64_t> start, std::vector<int64_t> limit,
                            std::vector<int64_t> strides) {
  if (strides.empty()) strides.assign(start.size(), 1);
  return value(OpKind::kSlice, {x},
               {{"start_indices", Attribute::dense_array(std::move(start))},
                {"limit_indices", Attribute::dense_array(std::move(limit))},
                {"strides", Attribute::dense_array(std::move(strides))}});
}

ValueId GraphBuilder::concatenate(std::vector<ValueId> xs, int64_t dim) {
  return value(OpKind::kConcatenate, std::move(xs), {{"dimension", Attribute::of(dim)}});
}

ValueId GraphBuilder::dot_general(ValueId x, ValueId y, std::vector<int64_t> x_batch,
                                  std::vector<int64_t> y_batch, std::vector<int64_t> x_contract,
                                  std::vector<int64_t> y_contract, DType result) {
  Shape shape;
  for (int64_t d : x_batch) shape.push_back(type(x).shape.at(d));
  auto free_dims = [&](ValueId v, const std::vector<int64_t>& batch, const std::vector<int64_t>& contract) {
    for (int64_t d = 0; d < type(v).rank(); ++d) {
      if (std::find(batch.begin(), batch.end(), d) == batch.end() &&
          std::find(contract.begin(), contract.end(), d) == contract.end()) {
        shape.push_back(type(v).shape[d]);
      }
    }
  };
  free_dims(x, x_batch, x_contract);
  free_dims(y, y_batch, y_contract);
  Attribute dims = Attribute::structure(
      "stablehlo.dot", {{"lhs_batching_dimensions", Attribute::dense_array(std::move(x_batch))},
                        {"rhs_batching_dimensions", Attribute::dense_array(std::move(y_batch))},
                        {"lhs_contracting_dimensions", Attribute::dense_array(std::move(x_contract))},
                        {"rhs_contracting_dimensions", Attribute::dense_array(std::move(y_contract))}});
  return value(OpKind::kDotGeneral, {x, y}, {{"dot_dimension_numbers", std::move(dims)}},
               {Type::tensor(result, std::move(shape))});
}

ValueId GraphBuilder::reduce(OpKind kind, ValueId x, double init, std::vector<int64_t> dims) {
  DType dtype = type(x).dtype;
  ValueId start = constant(init, dtype);
  Type scalar = Type::tensor(dtype);
  RegionId body =
      region({scalar, scalar}, [&](std::vector<ValueId> a) { return std::vector{binary(kind, a[0], a[1])}; });
  return value(OpKind::kReduce, {x, start}, {{"dimensions", Attribute::dense_array(std::move(dims))}}, {},
               {body});
}

}  // namespace cordata::ir
