// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cmath>
#include <cstdint>
#include <map>
#include <vector>

#include "cordata/sharding/reshard.h"

namespace cordata::planner {

inline int64_t picoseconds(double seconds) { return static_cast<int64_t>(std::llround(seconds * 1e12)); }

// Costs of reshards of one type, each path searched once. Shardings are numbered as they come.
class ReshardCosts {
 public:
  int number(const sharding::Sharding& s);
  // Picoseconds, kInfinite (problem.h) where there is no way. `from` and `to` are numbers.
  int64_t cost(const ir::Type& type, const sharding::Mesh& mesh, int from, int to);

 private:
  std::map<sharding::Sharding, int> numbers_;
  std::vector<sharding::Sharding> shardings_;
  std::vector<std::vector<int64_t>> costs_;  // by the number of where it is, then where it is wanted
};

// Those of the mesh at hand, the calling thread's: stages of one step ask for the same reshards again and
// again. Valid until another mesh is asked for.
ReshardCosts& reshard_costs(const ir::Type& type, const sharding::Mesh& mesh);

}  // namespace cordata::planner
