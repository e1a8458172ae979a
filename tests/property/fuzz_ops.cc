// SPDX-License-Identifier: Apache-2.0
// fuzz_ops SEED COUNT: the property tests of ops, round after round, until COUNT cases counted. A round is all of its seed: where it
// stopped, it goes on by the seed that it printed last. Exit status 1 when a case failed.
#include <fmt/format.h>

#include <cstdio>
#include <cstdlib>

#include "cordata/base/error.h"
#include "tests/property/round.h"

using namespace cordata::property;

int main(int argc, char** argv) {
  uint64_t seed = argc > 1 ? std::strtoull(argv[1], nullptr, 10) : 1;
  const int64_t wanted = argc > 2 ? std::strtoll(argv[2], nullptr, 10) : 50'000;
  int64_t counted = 0, cases = 0, failed = 0;
  Rounds rounds;
  try {
    for (; counted < wanted; ++seed) {
      const cordata::sharding::Mesh& mesh = meshes()[seed % meshes().size()];
      Tally t = rounds.run(seed, mesh);
      counted += t.counted, cases += t.cases, failed += static_cast<int64_t>(t.failures.size());
      for (const std::string& f : t.failures) fmt::print("FAILED {}\n", f);
      fmt::print("seed {} on mesh {}: {} cases that count of {} so far, {} failed; goes on with SEED={} COUNT={}\n", seed,
                 to_string(mesh), counted, cases, failed, seed + 1, std::max<int64_t>(0, wanted - counted));
      std::fflush(stdout);
    }
  } catch (const cordata::base::Error& e) {
    fmt::print(stderr, "seed {}: {}\n", seed, e.what());
    return 1;
  }
  return failed != 0;
}
