// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <vector>

#include "cordata/base/units.h"
#include "cordata/runtime/transport/transport.h"
#include "cordata/sharding/reshard.h"

namespace cordata::runtime {

struct LinkEffort {
  int times = 30;                                     // at most, of each size
  std::vector<int64_t> sizes;                         // bytes
  base::Seconds each{0.05};                           // a size of a collective takes about this long
  int64_t rotated = 64 << 20;                         // bytes of a rank that collectives move in turn
  int most_sets = 16;                                 // though no more than so many tensors
  Deadline end = Deadline::after(base::Seconds(30));  // sizes that rank 0 would begin later are left out
};

struct MessageTime {
  base::Bytes bytes;
  base::Seconds seconds;  // one way
};

// Messages back and forth between ranks a and b, medians; the others sleep. Called by all; the times are rank
// a's, others get none.
std::vector<MessageTime> ping_pong(Transport& transport, int a, int b, const LinkEffort& effort);

struct CollectiveTime {
  sharding::CollectiveKind kind;
  base::Bytes bytes;  // as sharding::ReshardStep has them
  base::Seconds seconds;
};

// All-reduce, all-gather, reduce-scatter and all-to-all (of f32) within all groups at once, which together
// hold every rank. Means of the slowest rank's times. Called by all, with the same result on all.
std::vector<CollectiveTime> time_collectives(Transport& transport, Communicator& all,
                                             const std::vector<std::vector<int>>& groups,
                                             const LinkEffort& effort);

}  // namespace cordata::runtime
