// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace cordata::ir {

// Every element type of StableHLO but the quantised ones. Unsigned integers print as ui8, ui16, ...
enum class DType : uint8_t {
  kI1,
  kI2,
  kI4,
  kI8,
  kI16,
  kI32,
  kI64,
  kUI2,
  kUI4,
  kUI8,
  kUI16,
  kUI32,
  kUI64,
  kF4E2M1FN,
  kF6E2M3FN,
  kF6E3M2FN,
  kF8E3M4,
  kF8E4M3,
  kF8E4M3B11FNUZ,
  kF8E4M3FN,
  kF8E4M3FNUZ,
  kF8E5M2,
  kF8E5M2FNUZ,
  kF8E8M0FNU,
  kBF16,
  kF16,
  kF32,
  kF64,
  kTF32,
  kC64,
  kC128,   // complex<f32>, complex<f64>
  kIndex,  // only in attributes
};

bool is_integer(DType t);  // signed or unsigned, i1 included
bool is_unsigned(DType t);
bool is_float(DType t);
bool is_complex(DType t);
int bits(DType t);                   // of one element: i1 is 1, c64 is 64
int64_t bytes_per_element(DType t);  // as held on a device: i1 and 4-bit types take a byte
std::string_view name(DType t);      // MLIR's: "i32", "ui8", "bf16", "complex<f32>"

using Shape = std::vector<int64_t>;

// The type of a value: a tensor, a token, or a tuple of these. Dynamic shapes don't exist here (the reader
// refuses them).
struct Type {
  enum class Kind : uint8_t { kTensor, kToken, kTuple };

  Kind kind = Kind::kTensor;
  DType dtype = DType::kF32;
  Shape shape;
  std::vector<Type> elements;  // of a tuple

  static Type tensor(DType dtype, Shape shape = {}) { return {Kind::kTensor, dtype, std::move(shape), {}}; }
  static Type token() { return {Kind::kToken, DType::kI1, {}, {}}; }
  static Type tuple(std::vector<Type> elements) {
    return {Kind::kTuple, DType::kI1, {}, std::move(elements)};
  }

  bool is_tensor() const { return kind == Kind::kTensor; }
  int64_t rank() const { return static_cast<int64_t>(shape.size()); }
  int64_t num_elements() const;
  int64_t num_bytes() const;  // num_elements * bytes_per_element; 0 for a token; a tuple's sum
  bool operator==(const Type&) const = default;
};

std::string to_string(const Type& type);  // MLIR's form: "tensor<4x8xf32>", "!stablehlo.token"

}  // namespace cordata::ir
