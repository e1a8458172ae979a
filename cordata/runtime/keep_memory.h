// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "cordata/base/units.h"

namespace cordata::runtime {

// Makes the allocator (jemalloc) keep freed memory for some seconds: a step allocates what the step before has
// freed, and pages given back and faulted in again cost more than an all-reduce (16 MB over 4 ranks: 58 ms
// against 25).
// Call before the first large allocation. Does nothing in programs that are linked with another allocator, as
// those with sanitizers are.
void keep_freed_memory();

// What this process has in memory now, what was freed and kept given back first; resident_peak() counts from
// here on.
base::Bytes settle_resident();
// The most it had since then (VmHWM). Both 0 where the kernel doesn't say.
base::Bytes resident_peak();

}  // namespace cordata::runtime
