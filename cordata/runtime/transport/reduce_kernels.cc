// SPDX-License-Identifier: Apache-2.0
#include "cordata/runtime/transport/reduce_kernels.h"

#include <bit>
#include <cmath>
#include <complex>
#include <type_traits>

#include "cordata/base/error.h"

namespace cordata::runtime {

float bfloat_to_float(uint16_t bits) { return std::bit_cast<float>(static_cast<uint32_t>(bits) << 16); }

uint16_t float_to_bfloat(float value) {
  uint32_t bits = std::bit_cast<uint32_t>(value);
  uint32_t rounded = (bits + 0x7fff + ((bits >> 16) & 1)) >> 16;
  uint32_t quiet = (bits >> 16) | 0x40;
  return static_cast<uint16_t>(value != value ? quiet : rounded);
}

// Widening multiplies by 2^112 to move the exponent's bias, which also normalises subnormals (Giesen, "half
// to float done quick", public domain).
float half_to_float(uint16_t bits) {
  const float magic = std::bit_cast<float>(static_cast<uint32_t>((254 - 15) << 23));
  const float infinity_from = std::bit_cast<float>(static_cast<uint32_t>((127 + 16) << 23));
  float magnitude = std::bit_cast<float>(static_cast<uint32_t>(bits & 0x7fff) << 13) * magic;
  uint32_t result = std::bit_cast<uint32_t>(magnitude);
  if (magnitude >= infinity_from) result |= 255u << 23;
  return std::bit_cast<float>(result | static_cast<uint32_t>(bits & 0x8000) << 16);
}

uint16_t float_to_half(float value) {
  uint32_t bits = std::bit_cast<uint32_t>(value);
  const uint32_t sign = (bits >> 16) & 0x8000;
  bits &= 0x7fffffff;
  if (bits > 0x7f800000) return static_cast<uint16_t>(sign | 0x7e00);   // NaN
  if (bits >= 0x47800000) return static_cast<uint16_t>(sign | 0x7c00);  // too large
  if (bits < 0x38800000) {                                              // subnormal: let the adder round
    const float shift = 0.5f;
    uint32_t sum = std::bit_cast<uint32_t>(std::bit_cast<float>(bits) + shift);
    return static_cast<uint16_t>(sign | (sum - std::bit_cast<uint32_t>(shift)));
  }
  bits += 0xc8000fff + ((bits >> 13) & 1);  // rebias the exponent and round to even
  return static_cast<uint16_t>(sign | bits >> 13);
}

namespace {

// How a stored element is computed with: itself, or f32 for the 16-bit floats, or a truth value.
template <typename T>
struct Plain {
  using Stored = T;
  static T load(T x) { return x; }
  static T store(T x) { return x; }
};
struct Bfloat {
  using Stored = uint16_t;
  static float load(uint16_t x) { return bfloat_to_float(x); }
  static uint16_t store(float x) { return float_to_bfloat(x); }
};
struct Half {
  using Stored = uint16_t;
  static float load(uint16_t x) { return half_to_float(x); }
  static uint16_t store(float x) { return float_to_half(x); }
};
struct Truth {
  using Stored = uint8_t;
  static bool load(uint8_t x) { return x != 0; }
  static uint8_t store(bool x) { return x; }
};

struct Add {
  template <typename T>
  T operator()(T a, T b) const {
    if constexpr (std::is_same_v<T, bool>)
      return a || b;
    else
      return static_cast<T>(a + b);
  }
};
struct Mul {
  template <typename T>
  T operator()(T a, T b) const {
    if constexpr (std::is_same_v<T, bool>)
      return a && b;
    else
      return static_cast<T>(a * b);
  }
};
struct Max {
  template <typename T>
  T operator()(T a, T b) const {
    if constexpr (std::is_floating_point_v<T>)
      return a != a ? a : (a > b ? a : b);
    else
      return a > b ? a : b;
  }
};
struct Min {
  template <typename T>
  T operator()(T a, T b) const {
    if constexpr (std::is_floating_point_v<T>)
      return a != a ? a : (a < b ? a : b);
    else
      return a < b ? a : b;
  }
};
struct And {
  template <typename T>
  T operator()(T a, T b) const {
    return static_cast<T>(a & b);
  }
};
struct Or {
  template <typename T>
  T operator()(T a, T b) const {
    return static_cast<T>(a | b);
  }
};

template <typename Element, typename Op>
void run(const void* in, void* inout, int64_t count) {
  auto* from = static_cast<const typename Element::Stored*>(in);
  auto* to = static_cast<typename Element::Stored*>(inout);
  for (int64_t i = 0; i < count; ++i)
    to[i] = Element::store(Op()(Element::load(from[i]), Element::load(to[i])));
}

template <typename Element>
ReduceKernel arithmetic(Reduce reduce) {
  switch (reduce) {
    case Reduce::kAdd:
      return run<Element, Add>;
    case Reduce::kMul:
      return run<Element, Mul>;
    case Reduce::kMax:
      return run<Element, Max>;
    case Reduce::kMin:
      return run<Element, Min>;
    default:
      return nullptr;
  }
}

template <typename Element>
ReduceKernel integral(Reduce reduce) {
  if (reduce == Reduce::kAnd) return run<Element, And>;
  if (reduce == Reduce::kOr) return run<Element, Or>;
  return arithmetic<Element>(reduce);
}

template <typename Element>
ReduceKernel complex(Reduce reduce) {
  if (reduce == Reduce::kAdd) return run<Element, Add>;
  if (reduce == Reduce::kMul) return run<Element, Mul>;
  return nullptr;
}

ReduceKernel find_kernel(DType type, Reduce reduce) {
  switch (type) {
    case DType::kI1:
      return integral<Truth>(reduce);
    case DType::kI8:
      return integral<Plain<int8_t>>(reduce);
    case DType::kI16:
      return integral<Plain<int16_t>>(reduce);
    case DType::kI32:
      return integral<Plain<int32_t>>(reduce);
    case DType::kI64:
      return integral<Plain<int64_t>>(reduce);
    case DType::kUI8:
      return integral<Plain<uint8_t>>(reduce);
    case DType::kUI16:
      return integral<Plain<uint16_t>>(reduce);
    case DType::kUI32:
      return integral<Plain<uint32_t>>(reduce);
    case DType::kUI64:
      return integral<Plain<uint64_t>>(reduce);
    case DType::kBF16:
      return arithmetic<Bfloat>(reduce);
    case DType::kF16:
      return arithmetic<Half>(reduce);
    case DType::kF32:
      return arithmetic<Plain<float>>(reduce);
    case DType::kF64:
      return arithmetic<Plain<double>>(reduce);
    case DType::kC64:
      return complex<Plain<std::complex<float>>>(reduce);
    case DType::kC128:
      return complex<Plain<std::complex<double>>>(reduce);
    default:
      return nullptr;
  }
}

}  // namespace

ReduceKernel reduce_kernel(DType type, Reduce reduce) {
  if (ReduceKernel kernel = find_kernel(type, reduce)) return kernel;
  throw base::user_error(
      "[runtime.transport] wanted a reduction that exists for its element type, got {} of type {}",
      name(reduce), static_cast<int>(type));
}

}  // namespace cordata::runtime
