// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <limits>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "tests/property/whole.h"

namespace cordata::property {

// An op under one assignment of a mesh's axes.
struct Cut {
  LocalCase local;
  const Whole* whole;
  bool counts;
};

struct Tally {
  int64_t cases = 0;     // run, with the right result
  int64_t counted = 0;   // of these, those that count (see Verdict)
  int64_t left_out = 0;  // assignments that an op has beyond those that may be run of it
  std::vector<std::string> failures;
  std::map<OpKind, int64_t> by_kind;  // counted

  void add(const Tally& other);
  // A run cut: what each device got of each result, as the op leaves it, or whole if it was joined.
  void judge(const Cut& cut, const std::vector<std::vector<HostTensor>>& got, const sharding::Mesh& mesh,
             bool joined = false);
};

// The cuts of an op: each assignment of the mesh's axes that its rule allows, or `most` of them drawn without
// replacement. What is wrong before anything runs (the planner knows other assignments, the text is of wrong
// sizes) goes to the tally.
std::vector<Cut> cut(const Whole& whole, const sharding::Mesh& mesh, partition::CollectiveMode mode,
                     size_t most, Tally& tally);

// All ops with their assignments on one mesh, run by the virtual devices of one process; the same for a seed
// on every machine.
class Rounds {
 public:
  explicit Rounds(size_t most_per_op = std::numeric_limits<size_t>::max()) : most_per_op_(most_per_op) {}
  Tally run(uint64_t seed, const sharding::Mesh& mesh);

 private:
  const runtime::Client& client(int64_t devices);
  void run_together(const std::vector<Cut>& cuts, const sharding::Mesh& mesh, uint64_t seed, Tally& tally);

  size_t most_per_op_;
  std::map<int64_t, std::unique_ptr<runtime::Client>> clients_;
};

}  // namespace cordata::property
