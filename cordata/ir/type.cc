// SPDX-License-Identifier: Apache-2.0
#include "cordata/ir/type.h"

#include <fmt/format.h>

#include <array>

namespace cordata::ir {
namespace {

enum class Class : uint8_t { kSigned, kUnsigned, kFloat, kComplex, kOther };

struct DTypeRow {
  DType dtype;
  std::string_view name;
  uint8_t bits;
  Class kind;
};

constexpr auto kRows = std::to_array<DTypeRow>({
    {DType::kI1, "i1", 1, Class::kUnsigned},
    {DType::kI2, "i2", 2, Class::kSigned},
    {DType::kI4, "i4", 4, Class::kSigned},
    {DType::kI8, "i8", 8, Class::kSigned},
    {DType::kI16, "i16", 16, Class::kSigned},
    {DType::kI32, "i32", 32, Class::kSigned},
    {DType::kI64, "i64", 64, Class::kSigned},
    {DType::kUI2, "ui2", 2, Class::kUnsigned},
    {DType::kUI4, "ui4", 4, Class::kUnsigned},
    {DType::kUI8, "ui8", 8, Class::kUnsigned},
    {DType::kUI16, "ui16", 16, Class::kUnsigned},
    {DType::kUI32, "ui32", 32, Class::kUnsigned},
    {DType::kUI64, "ui64", 64, Class::kUnsigned},
    {DType::kF4E2M1FN, "f4E2M1FN", 4, Class::kFloat},
    {DType::kF6E2M3FN, "f6E2M3FN", 6, Class::kFloat},
    {DType::kF6E3M2FN, "f6E3M2FN", 6, Class::kFloat},
    {DType::kF8E3M4, "f8E3M4", 8, Class::kFloat},
    {DType::kF8E4M3, "f8E4M3", 8, Class::kFloat},
    {DType::kF8E4M3B11FNUZ, "f8E4M3B11FNUZ", 8, Class::kFloat},
    {DType::kF8E4M3FN, "f8E4M3FN", 8, Class::kFloat},
    {DType::kF8E4M3FNUZ, "f8E4M3FNUZ", 8, Class::kFloat},
    {DType::kF8E5M2, "f8E5M2", 8, Class::kFloat},
    {DType::kF8E5M2FNUZ, "f8E5M2FNUZ", 8, Class::kFloat},
    {DType::kF8E8M0FNU, "f8E8M0FNU", 8, Class::kFloat},
    {DType::kBF16, "bf16", 16, Class::kFloat},
    {DType::kF16, "f16", 16, Class::kFloat},
    {DType::kF32, "f32", 32, Class::kFloat},
    {DType::kF64, "f64", 64, Class::kFloat},
    {DType::kTF32, "tf32", 32, Class::kFloat},
    {DType::kC64, "complex<f32>", 64, Class::kComplex},
    {DType::kC128, "complex<f64>", 128, Class::kComplex},
    {DType::kIndex, "index", 64, Class::kOther},
});

constexpr bool rows_in_order() {
  for (size_t i = 0; i < kRows.size(); ++i) {
    if (static_cast<size_t>(kRows[i].dtype) != i) return false;
  }
  return kRows.size() == static_cast<size_t>(DType::kIndex) + 1;
}
static_assert(rows_in_order(), "one row a DType, in the order of the enum");

const DTypeRow& row_of(DType t) { return kRows[static_cast<size_t>(t)]; }

void print(const Type& type, std::string& out) {
  switch (type.kind) {
    case Type::Kind::kToken:
      out += "!stablehlo.token";
      return;
    case Type::Kind::kTuple:
      out += "tuple<";
      for (size_t i = 0; i < type.elements.size(); ++i) {
        if (i > 0) out += ", ";
        print(type.elements[i], out);
      }
      out += '>';
      return;
    case Type::Kind::kTensor:
      out += "tensor<";
      for (int64_t d : type.shape) fmt::format_to(std::back_inserter(out), "{}x", d);
      out += name(type.dtype);
      out += '>';
      return;
  }
}

}  // namespace

bool is_integer(DType t) { return row_of(t).kind == Class::kSigned || row_of(t).kind == Class::kUnsigned; }
bool is_unsigned(DType t) { return row_of(t).kind == Class::kUnsigned; }
bool is_float(DType t) { return row_of(t).kind == Class::kFloat; }
bool is_complex(DType t) { return row_of(t).kind == Class::kComplex; }
int bits(DType t) { return row_of(t).bits; }
int64_t bytes_per_element(DType t) { return (row_of(t).bits + 7) / 8; }
std::string_view name(DType t) { return row_of(t).name; }

int64_t Type::num_elements() const {
  int64_t n = 1;
  for (int64_t d : shape) n *= d;
  return n;
}

int64_t Type::num_bytes() const {
  switch (kind) {
    case Kind::kTensor:
      return num_elements() * bytes_per_element(dtype);
    case Kind::kToken:
      return 0;
    case Kind::kTuple:
      break;
  }
  int64_t sum = 0;
  for (const Type& t : elements) sum += t.num_bytes();
  return sum;
}

std::string to_string(const Type& type) {
  std::string out;
  print(type, out);
  return out;
}

}  // namespace cordata::ir
