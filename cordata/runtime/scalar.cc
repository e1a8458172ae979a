// SPDX-License-Identifier: Apache-2.0
#include "cordata/runtime/scalar.h"

#include <bit>
#include <cstdint>
#include <cstring>

#include "cordata/base/error.h"

namespace cordata::runtime {
namespace {

template <typename T>
T as(std::span<const std::byte> bytes) {
  if (bytes.size() != sizeof(T))
    throw base::internal_error("[runtime] wanted a scalar of {} bytes, got {}", sizeof(T), bytes.size());
  T value;
  std::memcpy(&value, bytes.data(), sizeof(T));
  return value;
}

}  // namespace

double scalar(ir::DType type, std::span<const std::byte> bytes) {
  switch (type) {
    case ir::DType::kF64:
      return as<double>(bytes);
    case ir::DType::kF32:
      return as<float>(bytes);
    case ir::DType::kF16:
      return static_cast<double>(std::bit_cast<_Float16>(as<uint16_t>(bytes)));
    case ir::DType::kBF16:
      return std::bit_cast<float>(static_cast<uint32_t>(as<uint16_t>(bytes)) << 16);
    case ir::DType::kI32:
      return as<int32_t>(bytes);
    case ir::DType::kI64:
      return static_cast<double>(as<int64_t>(bytes));
    default:
      throw base::user_error("[runtime] wanted a scalar of a float type, got {}", ir::name(type));
  }
}

}  // namespace cordata::runtime
