// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "cordata/base/error.h"
#include "cordata/program/program.h"

namespace cordata::program {

// GPipe (Huang et al., 2019): all forwards, then all backwards. Two stages, three microbatches:
//
//   stage 0 | F0 F1 F2 .  .  .  B0 B1 B2
//   stage 1 |    F0 F1 F2 B0 B1 B2
Schedule gpipe(int stages, int microbatches) {
  std::vector<Work> list;
  for (bool forward : {true, false})
    for (int m = 0; m < microbatches; ++m) list.push_back({forward, m});
  return Schedule(static_cast<size_t>(stages), list);
}

// 1F1B (PipeDream-flush, Narayanan et al., 2021): a stage runs ahead by the number of stages after it, then
// does one backward for each forward, so that it holds at most that many microbatches + 1. Two stages, three
// microbatches:
//
//   stage 0 | F0 F1 .  B0 F2 B1 .  B2
//   stage 1 |    F0 B0 F1 B1 F2 B2
Schedule one_f_one_b(int stages, int microbatches) {
  Schedule schedule(static_cast<size_t>(stages));
  for (int s = 0; s < stages; ++s) {
    const int ahead = std::min(stages - 1 - s, microbatches);
    int forward = 0, backward = 0;
    while (forward < ahead) schedule[s].push_back({true, forward++});
    while (backward < microbatches) {
      if (forward < microbatches) schedule[s].push_back({true, forward++});
      schedule[s].push_back({false, backward++});
    }
  }
  return schedule;
}

Schedule make_schedule(const std::string& name, int stages, int microbatches) {
  struct Row {
    const char* name;
    Schedule (*make)(int, int);
  };
  constexpr Row kRows[] = {{"1f1b", one_f_one_b}, {"gpipe", gpipe}, {"single", gpipe}};
  for (const Row& row : kRows)
    if (name == row.name) return row.make(stages, microbatches);
  throw base::user_error("[program.schedule] wanted one of 1f1b, gpipe, single, got '{}'; try schedule=1f1b",
                         name);
}

}  // namespace cordata::program
