// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "cordata/base/units.h"

namespace cordata::runtime {

struct LaunchOptions {
  int ranks = 1;
  std::vector<std::string> arguments;  // of the ranks' command line, without the program's name
  std::string program;                 // empty: this executable
  std::string mpirun = "mpirun";
  std::vector<int> cpus;           // that each rank is bound to, one thread each; empty: to none
  int threads = 0;                 // per rank; 0: this machine's cores by ranks
  bool bind = false;               // each rank to a core of its own, of which there must be enough
  base::Seconds start_limit{120};  // until every rank runs
};

// Runs `ranks` copies of the program on this machine through mpirun and waits for them; they call run_rank,
// and write to this process's own stdout and stderr. Gives the status for this process to exit with: 0, or
// that of the first rank that failed (3 when it died or mpirun failed), 128 + the signal when a signal ended
// this process (130: Ctrl-C). What mpirun says is swallowed; the first cause is the last line on stderr.
// However it ends, every rank is gone within seconds, also when this process is killed. Throws a user error
// for arguments that mpirun can't pass on. To be called on the main thread; it handles SIGINT, SIGTERM and
// SIGHUP while it runs.
int launch(const LaunchOptions& options);

}  // namespace cordata::runtime
