// SPDX-License-Identifier: Apache-2.0
#include "tests/property/draw.h"

namespace cordata::property {
namespace {

// What a round of the loop makes of a carried tensor, among ops that pass dims on and ops that mix along one.
ValueId round(Draw& d, ValueId x, ValueId y, ValueId scalar) {
  const Shape& s = d.b.type(x).shape;
  switch (d.pick(0, 4)) {
    case 0:
      return d.b.add(x, y);
    case 1:
      return d.b.sub(x, d.b.broadcast_in_dim(scalar, s, {}));
    case 2:
      return d.b.value(
          OpKind::kReverse, {x},
          {{"dimensions", Attribute::dense_array({d.pick(0, static_cast<int64_t>(s.size()) - 1)})}});
    case 3:
      return d.b.value(OpKind::kAdd, {x, d.b.constant(1, d.b.type(x).dtype, s)});
    default:
      return d.b.value(OpKind::kMaximum, {y, x});
  }
}

// A counter, two tensors of one shape, and a scalar.
Instance loop(Draw& d, OpKind k) {
  const DType t = d.one_of<DType>({DType::kF32, DType::kI32});
  const Type tensor = Type::tensor(t, d.shape(1, 3)), scalar = Type::tensor(t),
             counter = Type::tensor(DType::kI32);
  const ValueId start = d.arg(counter, {0, 2}), x = d.arg(tensor), y = d.arg(tensor), z = d.arg(scalar);
  const std::vector<Type> carried{counter, tensor, tensor, scalar};
  const ir::RegionId cond = d.b.region(carried, [&](std::vector<ValueId> a) {
    return std::vector<ValueId>{d.b.compare(a[0], d.b.constant(4, DType::kI32), "LT")};
  });
  const ir::RegionId body = d.b.region(carried, [&](std::vector<ValueId> a) {
    const ValueId first = round(d, a[1], a[2], a[3]), second = round(d, a[2], first, a[3]);
    return std::vector<ValueId>{d.b.add(a[0], d.b.constant(1, DType::kI32)), first, second,
                                d.b.add(a[3], d.b.constant(1, t))};
  });
  return d.done(k, {start, x, y, z}, {}, {}, {cond, body});
}

}  // namespace

void add_loops(Generators& t) { t[OpKind::kWhile] = loop; }

}  // namespace cordata::property
