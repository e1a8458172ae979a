// SPDX-License-Identifier: Apache-2.0
#include "tests/property/draw.h"

#include <limits>
#include <numeric>

#include "cordata/ir/text.h"

namespace cordata::property {

int64_t Draw::dim() {
  if (chance(15)) return pick(1, 7);
  int64_t n = 1;
  for (int64_t f : factors_) {
    if (n * f <= 8 && chance(70)) n *= f;
  }
  return n <= 4 && chance(30) ? n * pick(2, 3) : n;
}

Shape Draw::shape(int low_rank, int high_rank) {
  Shape s(pick(low_rank, high_rank));
  for (int64_t& n : s) n = dim();
  return s;
}

std::vector<int64_t> Draw::permutation(int64_t n) {
  std::vector<int64_t> p(n);
  std::iota(p.begin(), p.end(), 0);
  for (int64_t i = n - 1; i > 0; --i) std::swap(p[i], p[pick(0, i)]);
  return p;
}

ValueId Draw::arg(Type type, Range range) {
  ranges_.push_back(range);
  return b.arg(std::move(type));
}

Instance Draw::done(OpKind kind, std::vector<ValueId> operands, AttrDict attrs, std::vector<Type> types,
                    std::vector<ir::RegionId> regions) {
  ir::NodeId op = b.create(kind, std::move(operands), std::move(attrs), std::move(types), std::move(regions));
  std::vector<ValueId> results;
  for (int i = 0; i < b.node(op).num_results; ++i) results.push_back(b.node(op).result(i));
  ir::Graph graph = b.finish(std::move(results));
  std::string text = ir::write_module(graph);
  return {std::move(graph), op, std::move(ranges_), std::move(text)};
}

ir::RegionId binary_region(Draw& d, OpKind kind, DType dtype) {
  Type scalar = Type::tensor(dtype);
  return d.b.region({scalar, scalar}, [&](std::vector<ValueId> a) {
    return std::vector<ValueId>{d.b.binary(kind, a[0], a[1])};
  });
}

double identity_of(OpKind kind, DType dtype) {
  constexpr double kInfinity = std::numeric_limits<double>::infinity();
  double low = dtype == DType::kI32 ? std::numeric_limits<int32_t>::min() : -kInfinity;
  switch (kind) {
    case OpKind::kMultiply:
    case OpKind::kAnd:
      return 1;
    case OpKind::kMaximum:
      return low;
    case OpKind::kMinimum:
      return dtype == DType::kI32 ? std::numeric_limits<int32_t>::max() : kInfinity;
    default:
      return 0;
  }
}

const Generators& generators() {
  static const Generators table = [] {
    Generators t;
    add_elementwise(t);
    add_shapes(t);
    add_contractions(t);
    add_indexed(t);
    add_loops(t);
    return t;
  }();
  return table;
}

}  // namespace cordata::property
