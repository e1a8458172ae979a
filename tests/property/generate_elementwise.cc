// SPDX-License-Identifier: Apache-2.0
#include "tests/property/draw.h"

namespace cordata::property {
namespace {

constexpr Range kPositive{0.25, 4, false}, kUnit{-0.9, 0.9, false}, kAny{-3, 3, false}, kWhole{-4, 4, true},
    kCount{1, 6, true};

DType floating(Draw& d) { return d.one_of<DType>({DType::kF32, DType::kF32, DType::kF64}); }
DType number(Draw& d) {
  return d.one_of<DType>({DType::kF32, DType::kF32, DType::kF64, DType::kI32, DType::kC64});
}

Instance unary(Draw& d, OpKind kind, DType dtype, Range range) {
  return d.done(kind, {d.arg(dtype, d.shape(0, 3), range)});
}
Instance binary(Draw& d, OpKind kind, DType dtype, Range x, Range y) {
  Shape s = d.shape(0, 3);
  return d.done(kind, {d.arg(dtype, s, x), d.arg(dtype, s, y)});
}

Instance any(Draw& d, OpKind k) { return unary(d, k, floating(d), kAny); }
Instance unit(Draw& d, OpKind k) { return unary(d, k, floating(d), kUnit); }
Instance positive(Draw& d, OpKind k) { return unary(d, k, floating(d), kPositive); }
Instance above_one(Draw& d, OpKind k) { return unary(d, k, floating(d), {1.1, 4, false}); }
Instance bits(Draw& d, OpKind k) { return unary(d, k, DType::kI32, {-1000, 1000}); }
Instance linear_unary(Draw& d, OpKind k) { return unary(d, k, number(d), kWhole); }
Instance logical(Draw& d, OpKind k) {
  bool bools = d.chance(50);
  return unary(d, k, bools ? DType::kI1 : DType::kI32, bools ? Range{0, 1} : Range{-99, 99});
}
Instance complex_part(Draw& d, OpKind k) { return unary(d, k, DType::kC64, kWhole); }
Instance conjugate(Draw& d, OpKind k) { return unary(d, k, DType::kC64, kAny); }
Instance accumulate(Draw& d, OpKind k) { return unary(d, k, DType::kF32, kWhole); }

Instance after(Draw& d, OpKind k) {
  return d.done(k, {d.arg(DType::kF32, d.shape(0, 3), kWhole), d.arg(DType::kF32, {}, kWhole)});
}

Instance arithmetic(Draw& d, OpKind k) { return binary(d, k, number(d), kWhole, kWhole); }
Instance order(Draw& d, OpKind k) {
  return binary(d, k, d.one_of<DType>({DType::kF32, DType::kI32}), kWhole, kWhole);
}
Instance divide(Draw& d, OpKind k) { return binary(d, k, number(d), kWhole, kCount); }
Instance remainder(Draw& d, OpKind k) {
  return binary(d, k, d.one_of<DType>({DType::kF32, DType::kI32}), kWhole, kCount);
}
Instance power(Draw& d, OpKind k) { return binary(d, k, floating(d), kPositive, kAny); }
Instance angle(Draw& d, OpKind k) { return binary(d, k, floating(d), kAny, kPositive); }
Instance zeta(Draw& d, OpKind k) { return binary(d, k, floating(d), {1.5, 4, false}, kPositive); }
Instance polygamma(Draw& d, OpKind k) { return binary(d, k, floating(d), {0, 3, true}, kPositive); }
Instance shift(Draw& d, OpKind k) { return binary(d, k, DType::kI32, {-99, 99}, {0, 8}); }
Instance logical_binary(Draw& d, OpKind k) {
  bool bools = d.chance(50);
  Range r = bools ? Range{0, 1} : Range{-99, 99};
  return binary(d, k, bools ? DType::kI1 : DType::kI32, r, r);
}
Instance complex(Draw& d, OpKind k) { return binary(d, k, DType::kF32, kWhole, kWhole); }

Instance compare(Draw& d, OpKind k) {
  Shape s = d.shape(0, 3);
  DType t = d.one_of<DType>({DType::kF32, DType::kI32});
  AttrDict attrs{
      {"comparison_direction", Attribute::enumeration("stablehlo.comparison_direction",
                                                      d.one_of<std::string>({"EQ", "LT", "GE", "NE"}))}};
  return d.done(k, {d.arg(t, s, {-1, 1}), d.arg(t, s, {-1, 1})}, attrs);
}

Instance clamp(Draw& d, OpKind k) {
  Shape s = d.shape(0, 3), scalar;
  DType t = d.one_of<DType>({DType::kF32, DType::kI32});
  return d.done(k, {d.arg(t, d.chance(50) ? s : scalar, {-3, 0}), d.arg(t, s, kWhole),
                    d.arg(t, d.chance(50) ? s : scalar, {0, 3})});
}

Instance select(Draw& d, OpKind k) {
  Shape s = d.shape(0, 3), scalar;
  DType t = number(d);
  return d.done(k, {d.arg(DType::kI1, d.chance(60) ? s : scalar, {0, 1}), d.arg(t, s), d.arg(t, s)});
}

Instance convert(Draw& d, OpKind k) {
  Shape s = d.shape(0, 3);
  DType from = d.one_of<DType>({DType::kF32, DType::kBF16, DType::kF64, DType::kI32, DType::kI1});
  DType to = d.one_of<DType>({DType::kF32, DType::kF64, DType::kBF16, DType::kI32});
  return d.done(k, {d.arg(from, s, from == DType::kI1 ? Range{0, 1} : kWhole)}, {}, {Type::tensor(to, s)});
}

Instance bitcast(Draw& d, OpKind k) {
  Shape s = d.shape(0, 2), wide = s;
  wide.push_back(2);
  if (d.chance(33)) return d.done(k, {d.arg(DType::kF32, s, kAny)}, {}, {Type::tensor(DType::kI32, s)});
  if (d.chance(50)) return d.done(k, {d.arg(DType::kF64, s, kAny)}, {}, {Type::tensor(DType::kI32, wide)});
  return d.done(k, {d.arg(DType::kI32, wide, {0, 1000})}, {}, {Type::tensor(DType::kI64, s)});
}

Instance reduce_precision(Draw& d, OpKind k) {
  return d.done(
      k, {d.arg(DType::kF32, d.shape(0, 3), kAny)},
      {{"exponent_bits", Attribute::of(5, DType::kI32)}, {"mantissa_bits", Attribute::of(7, DType::kI32)}});
}

Instance map(Draw& d, OpKind k) {
  Shape s = d.shape(1, 3);
  std::vector<int64_t> all(s.size());
  for (size_t i = 0; i < all.size(); ++i) all[i] = static_cast<int64_t>(i);
  ValueId x = d.arg(DType::kF32, s), y = d.arg(DType::kF32, s);
  return d.done(k, {x, y}, {{"dimensions", Attribute::dense_array(all)}}, {Type::tensor(DType::kF32, s)},
                {binary_region(d, OpKind::kMultiply, DType::kF32)});
}

}  // namespace

void add_elementwise(Generators& table) {
  auto put = [&](Generator g, std::initializer_list<OpKind> kinds) {
    for (OpKind k : kinds) table[k] = g;
  };
  using enum OpKind;
  put(any, {kAbs,      kCbrt,       kCeil,     kChloAsinh,       kChloAtan,         kChloBesselI1e,
            kChloCosh, kChloErf,    kChloErfc, kChloIsInf,       kChloIsNegInf,     kChloIsPosInf,
            kChloSinh, kChloSquare, kChloTan,  kCosine,          kExponential,      kExponentialMinusOne,
            kFloor,    kIsFinite,   kLogistic, kRoundNearestAfz, kRoundNearestEven, kSign,
            kSine,     kTan,        kTanh});
  put(unit, {kChloAcos, kChloAsin, kChloAtanh, kChloErfInv});
  put(positive, {kChloDigamma, kChloLgamma, kLog, kLogPlusOne, kRsqrt, kSqrt});
  put(above_one, {kChloAcosh});
  put(bits, {kCountLeadingZeros, kPopcnt});
  put(linear_unary, {kNegate, kOptimizationBarrier});
  put(logical, {kNot});
  put(complex_part, {kImag, kReal});
  put(conjugate, {kChloConj});
  put(accumulate, {kAccumulate});
  put(after, {kAfter});
  put(arithmetic, {kAdd, kMultiply, kSubtract});
  put(order, {kMaximum, kMinimum});
  put(divide, {kDivide});
  put(remainder, {kRemainder});
  put(power, {kPower});
  put(angle, {kAtan2, kChloNextAfter});
  put(zeta, {kChloZeta});
  put(polygamma, {kChloPolygamma});
  put(shift, {kShiftLeft, kShiftRightArithmetic, kShiftRightLogical});
  put(logical_binary, {kAnd, kOr, kXor});
  put(complex, {kComplex});
  put(compare, {kCompare});
  put(clamp, {kClamp});
  put(map, {kMap});
  put(select, {kSelect});
  put(convert, {kConvert});
  put(bitcast, {kBitcastConvert});
  put(reduce_precision, {kReducePrecision});
}

}  // namespace cordata::property
