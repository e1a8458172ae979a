// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "cordata/base/units.h"

namespace cordata::runtime {

// Makes the allocator (jemalloc) keep freed memory: a step allocates what the step before has freed, and
// pages given back and faulted in again cost more than an all-reduce (16 MB over 4 ranks: 58 ms against 25).
// Call before the first large allocation. Does nothing in programs that are linked with another allocator, as
// those with sanitizers are.
void keep_freed_memory();

// After each step: gives freed pages back once the process has grown by half since it last did. Pages that are
// kept are never joined: where sizes come in turns they fall apart and fit nothing any more (a GPipe schedule
// grew by 30 MB a step).
void give_back_if_grown();

// What this process has in memory now, what was freed and kept given back first; resident_peak() counts from
// here on.
base::Bytes settle_resident();
// The most it had since then (VmHWM). Both 0 where the kernel doesn't say.
base::Bytes resident_peak();

}  // namespace cordata::runtime
