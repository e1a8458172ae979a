// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "cordata/runtime/pjrt/client.h"
#include "tests/property/host_tensor.h"
#include "tests/property/local_case.h"

namespace cordata::property {

// Meshes of 2 to 8 devices, 1-D and 2-D.
const std::vector<sharding::Mesh>& meshes();

// A random instance of each op kind, its values, and what one device makes of them.
struct Whole {
  Instance instance;
  uint64_t seed = 0;
  std::vector<HostTensor> operands, results;  // of the op
};
std::vector<Whole> draw_wholes(const runtime::Client& client, uint64_t seed, const sharding::Mesh& mesh);

// The graph that runs many at once: arguments and results one after the other. The identities that only Cordata knows are left out.
ir::Graph together(const std::vector<const ir::Graph*>& graphs);

struct Tally {
  int64_t cases = 0;    // run, with the right result
  int64_t counted = 0;  // of these, those that count (see Verdict)
  std::vector<std::string> failures;
  std::map<OpKind, int64_t> by_kind;  // counted
};

// All ops with all assignments on one mesh, run by the virtual devices of one process; the same for a seed on every machine.
class Rounds {
 public:
  Tally run(uint64_t seed, const sharding::Mesh& mesh);

 private:
  const runtime::Client& client(int64_t devices);
  void run_together(std::vector<LocalCase>& cases, const std::vector<const Whole*>& wholes, const std::vector<char>& counts,
                    const sharding::Mesh& mesh, uint64_t seed, Tally& tally);

  std::map<int64_t, std::unique_ptr<runtime::Client>> clients_;
};

}  // namespace cordata::property
