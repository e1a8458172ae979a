// SPDX-License-Identifier: Apache-2.0
#include <cmath>
#include <cstring>

#include "cordata/ir/builder.h"
#include "cordata/ir/minifloat.h"

namespace cordata::ir {
namespace {

uint64_t load(const std::byte* at, size_t size) {
  uint64_t raw = 0;
  std::memcpy(&raw, at, size);
  return raw;
}

double integer_value(uint64_t raw, size_t size, bool is_unsigned) {
  if (is_unsigned) return static_cast<double>(raw);
  int shift = static_cast<int>(64 - 8 * size);
  return static_cast<double>(static_cast<int64_t>(raw << shift) >> shift);
}

uint64_t integer_bits(double v, DType dtype) {
  if (dtype == DType::kI1) return v != 0;
  if (v >= 9223372036854775808.0) return static_cast<uint64_t>(v);
  return static_cast<uint64_t>(static_cast<int64_t>(v));
}

DType part(DType complex) { return complex == DType::kC64 ? DType::kF32 : DType::kF64; }

}  // namespace

double element(const DenseElements& dense, int64_t index) {
  DType t = dense.type.dtype;
  size_t size = bytes_per_element(t);
  const std::byte* at = dense.data().data() + (dense.splat ? 0 : index * size);
  if (is_complex(t)) return from_bits(load(at, size / 2), part(t));
  uint64_t raw = load(at, size);
  return is_integer(t) || t == DType::kIndex ? integer_value(raw, size, is_unsigned(t)) : from_bits(raw, t);
}

DenseElements splat(double v, DType dtype, Shape shape) {
  size_t size = bytes_per_element(dtype);
  uint64_t raw = is_complex(dtype)                             ? to_bits(v, part(dtype))
                 : is_integer(dtype) || dtype == DType::kIndex ? integer_bits(v, dtype)
                                                               : to_bits(v, dtype);
  Bytes bytes(size);
  std::memset(bytes.fill(), 0, size);
  std::memcpy(bytes.fill(), &raw, is_complex(dtype) ? size / 2 : size);
  return {.type = Type::tensor(dtype, std::move(shape)), .splat = true, .bytes = std::move(bytes)};
}

DenseElements dense_i64(std::vector<int64_t> values, Shape shape) {
  return {.type = Type::tensor(DType::kI64, std::move(shape)),
          .splat = false,
          .bytes = Bytes(std::as_bytes(std::span(values)))};
}

}  // namespace cordata::ir
