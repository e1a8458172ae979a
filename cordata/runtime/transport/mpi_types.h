// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <mpi.h>

#include <cstdint>

#include "cordata/runtime/transport/transport.h"

// MPI's names for our types and reductions; private to this folder.
namespace cordata::runtime::mpi {

// Throws an environment error with MPI's words and the call's name.
void check(int code, const char* call);

// A type as MPI moves it (16-bit floats as uint16, i1 as a byte) and the operation that reduces it: MPI's own
// where it means the same, else a user operation over reduce_kernel. Throws a user error where the reduction
// doesn't exist.
struct Reduction {
  MPI_Datatype type;
  MPI_Op op;
};
Reduction reduction(DType type, Reduce reduce);

// `bytes` bytes as a count of some datatype that fits MPI's int. Frees the datatype it may have made.
class Bytes {
 public:
  explicit Bytes(int64_t bytes);
  ~Bytes();
  Bytes(const Bytes&) = delete;
  int count() const { return count_; }
  MPI_Datatype type() const { return type_; }

 private:
  int count_ = 0;
  MPI_Datatype type_ = MPI_BYTE;
};

}  // namespace cordata::runtime::mpi
