// SPDX-License-Identifier: Apache-2.0
#include "cordata/program/posts.h"

namespace cordata::program {

std::vector<std::vector<int>> receives_posted_at(const std::vector<Instruction>& list) {
  std::vector<std::vector<int>> posts(list.size());
  std::vector<int> runs;  // positions of RUNs; a list begins as if one had just ended
  for (int i = 0; i < static_cast<int>(list.size()); ++i) {
    if (list[i].op == OpCode::kRun) runs.push_back(i);
    if (list[i].op != OpCode::kRecv) continue;
    const size_t before = runs.size();  // modules ahead of it
    posts[before >= 2 ? runs[before - 1] : 0].push_back(i);
  }
  return posts;
}

}  // namespace cordata::program
