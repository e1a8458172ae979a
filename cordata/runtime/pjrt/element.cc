// SPDX-License-Identifier: Apache-2.0
#include "cordata/runtime/pjrt/element.h"

#include <pjrt_c_api.h>
#include <xla/ffi/api/c_api.h>

#include "cordata/base/error.h"

namespace cordata::runtime {
namespace {

struct Row {
  DType type;
  int pjrt;
  int ffi;
  int bytes;
};

constexpr Row kRows[] = {
    {DType::kI1, PJRT_Buffer_Type_PRED, XLA_FFI_DataType_PRED, 1},
    {DType::kI2, PJRT_Buffer_Type_S2, XLA_FFI_DataType_S2, 1},
    {DType::kI4, PJRT_Buffer_Type_S4, XLA_FFI_DataType_S4, 1},
    {DType::kI8, PJRT_Buffer_Type_S8, XLA_FFI_DataType_S8, 1},
    {DType::kI16, PJRT_Buffer_Type_S16, XLA_FFI_DataType_S16, 2},
    {DType::kI32, PJRT_Buffer_Type_S32, XLA_FFI_DataType_S32, 4},
    {DType::kI64, PJRT_Buffer_Type_S64, XLA_FFI_DataType_S64, 8},
    {DType::kUI2, PJRT_Buffer_Type_U2, XLA_FFI_DataType_U2, 1},
    {DType::kUI4, PJRT_Buffer_Type_U4, XLA_FFI_DataType_U4, 1},
    {DType::kUI8, PJRT_Buffer_Type_U8, XLA_FFI_DataType_U8, 1},
    {DType::kUI16, PJRT_Buffer_Type_U16, XLA_FFI_DataType_U16, 2},
    {DType::kUI32, PJRT_Buffer_Type_U32, XLA_FFI_DataType_U32, 4},
    {DType::kUI64, PJRT_Buffer_Type_U64, XLA_FFI_DataType_U64, 8},
    {DType::kF4E2M1FN, PJRT_Buffer_Type_F4E2M1FN, XLA_FFI_DataType_F4E2M1FN, 1},
    {DType::kF8E3M4, PJRT_Buffer_Type_F8E3M4, XLA_FFI_DataType_F8E3M4, 1},
    {DType::kF8E4M3, PJRT_Buffer_Type_F8E4M3, XLA_FFI_DataType_F8E4M3, 1},
    {DType::kF8E4M3B11FNUZ, PJRT_Buffer_Type_F8E4M3B11FNUZ, XLA_FFI_DataType_F8E4M3B11FNUZ, 1},
    {DType::kF8E4M3FN, PJRT_Buffer_Type_F8E4M3FN, XLA_FFI_DataType_F8E4M3FN, 1},
    {DType::kF8E4M3FNUZ, PJRT_Buffer_Type_F8E4M3FNUZ, XLA_FFI_DataType_F8E4M3FNUZ, 1},
    {DType::kF8E5M2, PJRT_Buffer_Type_F8E5M2, XLA_FFI_DataType_F8E5M2, 1},
    {DType::kF8E5M2FNUZ, PJRT_Buffer_Type_F8E5M2FNUZ, XLA_FFI_DataType_F8E5M2FNUZ, 1},
    {DType::kF8E8M0FNU, PJRT_Buffer_Type_F8E8M0FNU, XLA_FFI_DataType_F8E8M0FNU, 1},
    {DType::kBF16, PJRT_Buffer_Type_BF16, XLA_FFI_DataType_BF16, 2},
    {DType::kF16, PJRT_Buffer_Type_F16, XLA_FFI_DataType_F16, 2},
    {DType::kF32, PJRT_Buffer_Type_F32, XLA_FFI_DataType_F32, 4},
    {DType::kF64, PJRT_Buffer_Type_F64, XLA_FFI_DataType_F64, 8},
    {DType::kC64, PJRT_Buffer_Type_C64, XLA_FFI_DataType_C64, 8},
    {DType::kC128, PJRT_Buffer_Type_C128, XLA_FFI_DataType_C128, 16},
};

template <typename Match>
const Row& find_row(Match match, int shown) {
  for (const Row& row : kRows) {
    if (match(row)) return row;
  }
  throw base::user_error("[runtime.pjrt] wanted an element type that the plugin's API knows, got number {}",
                         shown);
}

const Row& row_of(DType type) {
  return find_row([&](const Row& row) { return row.type == type; }, static_cast<int>(type));
}

}  // namespace

int pjrt_type(DType type) { return row_of(type).pjrt; }

DType from_pjrt_type(int type) {
  return find_row([&](const Row& row) { return row.pjrt == type; }, type).type;
}

DType from_ffi_type(int type) {
  return find_row([&](const Row& row) { return row.ffi == type; }, type).type;
}

int64_t element_bytes(DType type) { return row_of(type).bytes; }

}  // namespace cordata::runtime
