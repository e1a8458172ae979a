// SPDX-License-Identifier: Apache-2.0
// fuzz_ops SEED COUNT: the property tests of ops, round after round, until COUNT cases counted. A round is
// all of its seed: where it stopped, it goes on by the seed that it printed last. Exit status 1 when a case
// failed.
#include <fmt/format.h>

#include <cstdio>
#include <cstdlib>

#include "cordata/base/error.h"
#include "tests/property/round.h"

using namespace cordata::property;

int main(int argc, char** argv) {
  uint64_t seed = argc > 1 ? std::strtoull(argv[1], nullptr, 10) : 1;
  const int64_t wanted = argc > 2 ? std::strtoll(argv[2], nullptr, 10) : 50'000;
  Tally all;
  Rounds rounds;
  try {
    for (; all.counted < wanted; ++seed) {
      const cordata::sharding::Mesh& mesh = meshes()[seed % meshes().size()];
      const Tally t = rounds.run(seed, mesh);
      all.add(t);
      for (const std::string& f : t.failures) fmt::print("FAILED {}\n", f);
      fmt::print(
          "seed {} on mesh {}: {} cases that count of {} so far, {} failed; goes on with FROM={} CASES={}\n",
          seed, to_string(mesh), all.counted, all.cases, all.failures.size(), seed + 1,
          std::max<int64_t>(0, wanted - all.counted));
      std::fflush(stdout);
    }
  } catch (const cordata::base::Error& e) {
    fmt::print(stderr, "seed {}: {}\n", seed, e.what());
    return 1;
  }
  return !all.failures.empty();
}
