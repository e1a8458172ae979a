// SPDX-License-Identifier: Apache-2.0
#include "cordata/runtime/transport/mpi_types.h"

#include <limits>
#include <map>
#include <mutex>
#include <optional>

#include "cordata/base/error.h"
#include "cordata/runtime/transport/reduce_kernels.h"

namespace cordata::runtime::mpi {
namespace {

MPI_Datatype datatype(DType type) {
  switch (type) {
    case DType::kI1:
    case DType::kUI8:
      return MPI_UINT8_T;
    case DType::kI8:
      return MPI_INT8_T;
    case DType::kI16:
      return MPI_INT16_T;
    case DType::kI32:
      return MPI_INT32_T;
    case DType::kI64:
      return MPI_INT64_T;
    case DType::kUI16:
    case DType::kBF16:
    case DType::kF16:
      return MPI_UINT16_T;
    case DType::kUI32:
      return MPI_UINT32_T;
    case DType::kUI64:
      return MPI_UINT64_T;
    case DType::kF32:
      return MPI_FLOAT;
    case DType::kF64:
      return MPI_DOUBLE;
    case DType::kC64:
      return MPI_C_FLOAT_COMPLEX;
    case DType::kC128:
      return MPI_C_DOUBLE_COMPLEX;
    default:
      return MPI_DATATYPE_NULL;
  }
}

// MPI's own operation, where it means what StableHLO means. MPI_MAX and MPI_MIN of floats may lose a NaN.
std::optional<MPI_Op> builtin_op(DType type, Reduce reduce) {
  if (type == DType::kBF16 || type == DType::kF16) return std::nullopt;
  if (type == DType::kI1) {
    const bool is_or = reduce == Reduce::kAdd || reduce == Reduce::kMax || reduce == Reduce::kOr;
    return is_or ? MPI_LOR : MPI_LAND;
  }
  switch (reduce) {
    case Reduce::kAdd:
      return MPI_SUM;
    case Reduce::kMul:
      return MPI_PROD;
    case Reduce::kAnd:
      return MPI_BAND;
    case Reduce::kOr:
      return MPI_BOR;
    case Reduce::kMax:
    case Reduce::kMin:
      break;
  }
  if (ir::is_float(type)) return std::nullopt;
  return reduce == Reduce::kMax ? MPI_MAX : MPI_MIN;
}

template <DType type, Reduce reduce>
void apply(void* in, void* inout, int* count, MPI_Datatype*) {
  static const ReduceKernel kernel = reduce_kernel(type, reduce);
  kernel(in, inout, *count);
}

template <DType type>
MPI_User_function* user_function(Reduce reduce) {
  switch (reduce) {
    case Reduce::kAdd:
      return apply<type, Reduce::kAdd>;
    case Reduce::kMul:
      return apply<type, Reduce::kMul>;
    case Reduce::kMax:
      return apply<type, Reduce::kMax>;
    default:
      return apply<type, Reduce::kMin>;
  }
}

MPI_User_function* user_function(DType type, Reduce reduce) {
  switch (type) {
    case DType::kBF16:
      return user_function<DType::kBF16>(reduce);
    case DType::kF16:
      return user_function<DType::kF16>(reduce);
    case DType::kF32:
      return user_function<DType::kF32>(reduce);
    default:
      return user_function<DType::kF64>(reduce);
  }
}

MPI_Op user_op(DType type, Reduce reduce) {
  static std::mutex mutex;
  static std::map<std::pair<DType, Reduce>, MPI_Op> made;
  std::lock_guard lock(mutex);
  auto [slot, is_new] = made.try_emplace({type, reduce}, MPI_OP_NULL);
  if (is_new)
    check(MPI_Op_create(user_function(type, reduce), /*commute=*/1, &slot->second), "MPI_Op_create");
  return slot->second;
}

}  // namespace

void check(int code, const char* call) {
  if (code == MPI_SUCCESS) return;
  char text[MPI_MAX_ERROR_STRING];
  int length = 0;
  MPI_Error_string(code, text, &length);
  throw base::environment_error("[runtime.transport] {} failed: {}", call, std::string(text, length));
}

Reduction reduction(DType type, Reduce reduce) {
  reduce_kernel(type, reduce);  // throws where it doesn't exist
  auto op = builtin_op(type, reduce);
  return {datatype(type), op ? *op : user_op(type, reduce)};
}

Bytes::Bytes(int64_t bytes) {
  int64_t width = 1;
  while (bytes / width > std::numeric_limits<int>::max() && bytes % (2 * width) == 0) width *= 2;
  if (bytes / width > std::numeric_limits<int>::max()) {
    throw base::user_error(
        "[runtime.transport] wanted a message below 2 GiB or of a multiple of 2 bytes, got {} bytes", bytes);
  }
  count_ = static_cast<int>(bytes / width);
  if (width == 1) return;
  check(MPI_Type_contiguous(static_cast<int>(width), MPI_BYTE, &type_), "MPI_Type_contiguous");
  check(MPI_Type_commit(&type_), "MPI_Type_commit");
}

Bytes::~Bytes() {
  if (type_ != MPI_BYTE) MPI_Type_free(&type_);
}

}  // namespace cordata::runtime::mpi
