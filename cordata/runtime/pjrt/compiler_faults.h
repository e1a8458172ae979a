// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>

namespace cordata::runtime {

// A module that means the same and that CPU plugins with known faults compile right; the module itself where
// nothing in it is known to be miscompiled.
//
// atan2(x, 1), and so chlo.atan: the pinned plugin (XLA with LLVM 24.0.0git) gives x, or what happened to lie
// in a register, for most of 64 elements and more when it knows the 1; XLA before and after don't. Behind a
// barrier it doesn't know it.
//
// A scatter of one update into a dynamic_slice, with an index out of bounds: it should be dropped, but XLA
// makes slices of it, joins them with the one before as if no start were ever moved inside, and stores an
// element from elsewhere. Behind a barrier the operand is no slice.
std::string around_compiler_faults(std::string_view mlir);

}  // namespace cordata::runtime
