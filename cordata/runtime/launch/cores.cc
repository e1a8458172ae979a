// SPDX-License-Identifier: Apache-2.0
#include "cordata/runtime/launch/cores.h"

#include <sched.h>

#include <algorithm>
#include <vector>

#include "cordata/runtime/launch/rank.h"

namespace cordata::runtime {

int cores_of_all(Communicator& all) {
  cpu_set_t mine, together;
  CPU_ZERO(&mine);
  CPU_ZERO(&together);
  ::sched_getaffinity(0, sizeof mine, &mine);  // none when it fails
  std::vector<cpu_set_t> sets(all.size());
  all.all_gather(&mine, sets.data(), sizeof mine);
  for (const cpu_set_t& set : sets) CPU_OR(&together, &together, &set);
  return std::max(1, std::min(CPU_COUNT(&together), quota_cores().value_or(CPU_SETSIZE)));
}

}  // namespace cordata::runtime
