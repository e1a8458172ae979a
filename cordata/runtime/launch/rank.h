// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <istream>
#include <optional>
#include <string>

#include "cordata/base/error.h"

namespace cordata::runtime {

// Which rank of a job this process is.
struct RankPlace {
  int rank = 0, size = 1;
  int local_rank = 0, local_size = 1;  // among the job's ranks on this host
};

// As mpirun, srun or whatever else speaks PMI has set it; nullopt when started alone. Needs no MPI_Init.
std::optional<RankPlace> rank_from_environment();
inline bool is_worker() { return rank_from_environment().has_value(); }

// Cores that this process may use: its affinity, within its container's quota; at least 1.
int usable_cores();
// Cores that this process's container may use, rounded up; nullopt when it sets no limit.
std::optional<int> quota_cores();
// What the text of a cgroup's cpu.max allows, rounded up; nullopt when it sets no limit.
std::optional<int> cores_of_quota(std::istream& cpu_max);
// Compute threads for this rank: what the launching command says, else its cores by the ranks that share
// them.
int threads_of_this_rank();

// Runs `work` as this process's rank of a job and gives the status that the process must exit with. A failure
// reaches whoever started the ranks as report_failure does. When `launch` started this process, it takes over
// that command's stdout and stderr, and ends at once when that command or mpirun dies. Call it before MPI or
// a plugin starts.
int run_rank(const std::function<int()>& work);

// Tells why this rank failed and ends the process; every rank of the job ends with it. Started by `launch`,
// the first failure's text is what that command prints last, and its kind the command's status. Under a
// user's own mpirun, the text goes to stderr and MPI_Abort ends the job. Any thread may call it: it is the
// FailureHandler of a transport, too.
[[noreturn]] void report_failure(base::ErrorKind kind, const std::string& cause);
[[noreturn]] inline void report_failure(const std::string& cause) {
  report_failure(base::ErrorKind::kEnvironment, cause);
}

}  // namespace cordata::runtime
