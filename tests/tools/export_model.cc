// SPDX-License-Identifier: Apache-2.0
// export_model SPEC DIR SEED: a zoo model as a train step directory.
#include <cstdio>
#include <cstdlib>

#include "cordata/base/error.h"
#include "cordata/models/zoo.h"
#include "cordata/step/directory.h"

int main(int argc, char** argv) {
  using namespace cordata;
  if (argc != 4) {
    std::fputs("usage: export_model SPEC DIR SEED\n", stderr);
    return 2;
  }
  try {
    step::write_directory(models::build_train_step(std::string(argv[1])), argv[2],
                          std::strtoull(argv[3], nullptr, 10));
  } catch (const base::Error& e) {
    fmt::print(stderr, "{}\n", e.what());
    return 2;
  }
  return 0;
}
