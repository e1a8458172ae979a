// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <span>

#include "cordata/ir/op_kind.h"

namespace cordata::ir {

// Why an op's rule leaves dims whole that Shardy's op sharding rule registry has a factor for. Shown by
// docs/ops.md; ops that aren't listed have all factors that can be cut without sending elements between
// devices.
struct WholeDims {
  OpKind kind;
  const char* why;
};
std::span<const WholeDims> whole_dims();

}  // namespace cordata::ir
