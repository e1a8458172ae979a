// SPDX-License-Identifier: Apache-2.0
#include "cordata/ir/minifloat.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>

#include "cordata/base/error.h"

namespace cordata::ir {
namespace {

// What the all-ones exponent, and overflow, mean.
enum class Special : uint8_t {
  kIeee,  // infinities and NaNs as in IEEE 754
  kFn,    // no infinity; NaN is all ones
  kFnuz,  // no infinity, no -0; NaN is the sign bit alone
  kNone,  // finite values only
};

struct Format {
  int exponent, mantissa, bias;
  Special special;
};

Format format(DType t) {
  switch (t) {
    case DType::kF32:
      return {8, 23, 127, Special::kIeee};
    case DType::kTF32:
      return {8, 10, 127, Special::kIeee};
    case DType::kBF16:
      return {8, 7, 127, Special::kIeee};
    case DType::kF16:
      return {5, 10, 15, Special::kIeee};
    case DType::kF8E5M2:
      return {5, 2, 15, Special::kIeee};
    case DType::kF8E4M3:
      return {4, 3, 7, Special::kIeee};
    case DType::kF8E3M4:
      return {3, 4, 3, Special::kIeee};
    case DType::kF8E4M3FN:
      return {4, 3, 7, Special::kFn};
    case DType::kF8E4M3FNUZ:
      return {4, 3, 8, Special::kFnuz};
    case DType::kF8E4M3B11FNUZ:
      return {4, 3, 11, Special::kFnuz};
    case DType::kF8E5M2FNUZ:
      return {5, 2, 16, Special::kFnuz};
    case DType::kF6E2M3FN:
      return {2, 3, 1, Special::kNone};
    case DType::kF6E3M2FN:
      return {3, 2, 3, Special::kNone};
    case DType::kF4E2M1FN:
      return {2, 1, 1, Special::kNone};
    default:
      throw base::internal_error("[ir.minifloat] wanted a float type of at most 32 bits, got {}", name(t));
  }
}

// The largest magnitude of a format, as bits without sign.
uint64_t largest(const Format& f) {
  uint64_t all = (uint64_t{1} << (f.exponent + f.mantissa)) - 1;
  if (f.special == Special::kIeee) return (((uint64_t{1} << f.exponent) - 1) << f.mantissa) - 1;
  return f.special == Special::kFn ? all - 1 : all;
}

uint64_t nan_bits(const Format& f, uint64_t sign) {
  uint64_t all = (uint64_t{1} << (f.exponent + f.mantissa)) - 1;
  if (f.special == Special::kFnuz) return all + 1;
  if (f.special == Special::kNone) return largest(f);
  uint64_t quiet = f.special == Special::kFn ? all : largest(f) + 1 + (uint64_t{1} << (f.mantissa - 1));
  return sign | quiet;
}

// Power-of-two scale: bits are 2 to the (bits - 127); all ones is NaN.
uint64_t to_e8m0(double v) {
  if (!(v > 0) || std::isinf(v)) return 255;
  double e = std::nearbyint(std::log2(v));
  return static_cast<uint64_t>(std::clamp(e + 127, 0.0, 254.0));
}

}  // namespace

uint64_t to_bits(double v, DType dtype) {
  if (dtype == DType::kF64) return std::bit_cast<uint64_t>(v);
  if (dtype == DType::kF8E8M0FNU) return to_e8m0(v);
  Format f = format(dtype);
  uint64_t sign = std::signbit(v) ? uint64_t{1} << (f.exponent + f.mantissa) : 0;
  if (std::isnan(v)) return nan_bits(f, sign);
  double magnitude = std::fabs(v);
  uint64_t bits;
  if (std::isinf(v)) {
    bits = largest(f) + 1;
  } else {
    int e = magnitude == 0 ? 1 - f.bias : std::ilogb(magnitude);
    e = std::max(e, 1 - f.bias);  // subnormals share the lowest exponent
    double scaled = std::nearbyint(std::ldexp(magnitude, f.mantissa - e));  // mantissa with its leading one
    bits = (static_cast<uint64_t>(e + f.bias - 1) << f.mantissa) + static_cast<uint64_t>(scaled);
  }
  if (bits > largest(f)) {
    if (f.special == Special::kIeee) return sign | (largest(f) + 1);
    return nan_bits(f, sign) | (f.special == Special::kNone ? sign : 0);
  }
  if (f.special == Special::kFnuz && bits == 0) return 0;
  return sign | bits;
}

double from_bits(uint64_t bits, DType dtype) {
  if (dtype == DType::kF64) return std::bit_cast<double>(bits);
  constexpr double kNan = std::numeric_limits<double>::quiet_NaN();
  if (dtype == DType::kF8E8M0FNU) return bits == 255 ? kNan : std::ldexp(1.0, static_cast<int>(bits) - 127);
  Format f = format(dtype);
  uint64_t sign_bit = uint64_t{1} << (f.exponent + f.mantissa);
  uint64_t magnitude = bits & (sign_bit - 1);
  double sign = bits & sign_bit ? -1 : 1;
  if (f.special == Special::kFnuz && magnitude == 0 && sign < 0) return kNan;
  if (magnitude > largest(f)) {
    bool infinite = f.special == Special::kIeee && magnitude == largest(f) + 1;
    return infinite ? sign * std::numeric_limits<double>::infinity() : kNan;
  }
  int e = static_cast<int>(magnitude >> f.mantissa);
  uint64_t m = magnitude & ((uint64_t{1} << f.mantissa) - 1);
  if (e == 0) return sign * std::ldexp(static_cast<double>(m), 1 - f.bias - f.mantissa);
  m |= uint64_t{1} << f.mantissa;
  return sign * std::ldexp(static_cast<double>(m), e - f.bias - f.mantissa);
}

}  // namespace cordata::ir
