// SPDX-License-Identifier: Apache-2.0
#include "cordata/runtime/launch/rank.h"

#include <fmt/format.h>
#include <mpi.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cmath>
#include <cstdlib>
#include <cstring>
#include <exception>
#include <fstream>
#include <mutex>
#include <new>
#include <thread>

#include "cordata/runtime/keep_memory.h"
#include "cordata/runtime/launch/channel.h"
#include "cordata/runtime/launch/cores.h"
#include "cordata/runtime/launch/names.h"
#include "cordata/runtime/launch/where.h"

namespace cordata::runtime {
namespace {

std::optional<int> number(std::initializer_list<const char*> names) {
  for (const char* name : names) {
    const char* text = std::getenv(name);
    char* end = nullptr;
    if (!text || !*text) continue;
    long value = std::strtol(text, &end, 10);
    if (*end == '\0') return static_cast<int>(value);
  }
  return std::nullopt;
}

int affine_cores(pid_t process) {
  cpu_set_t set;
  if (::sched_getaffinity(process, sizeof set, &set) == 0) return std::max(1, CPU_COUNT(&set));
  return static_cast<int>(std::max(1u, std::thread::hardware_concurrency()));
}

// Whether whoever started this process gave it fewer cores than it has itself.
bool is_bound() { return affine_cores(0) < affine_cores(::getppid()); }

// The socket to the launching command, or -1. Set once, before other threads start.
std::atomic<int> launcher = -1;
int my_rank = 0;

[[noreturn]] void leave(int status) {
  std::fflush(nullptr);
  std::_Exit(status);
}

// The kernel closes our socket when we die, so a crash is seen anyway; this adds which signal it was.
void tell_signal(int signal) {
  channel::send(launcher, {channel::Kind::kSignal, my_rank, signal});
  ::signal(signal, SIG_DFL);
  ::raise(signal);
}

void watch_signals() {
  for (int signal : {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT, SIGPIPE}) {
    struct sigaction action {};
    action.sa_handler = tell_signal;
    action.sa_flags = SA_NODEFER | SA_RESETHAND;
    ::sigaction(signal, &action, nullptr);
  }
}

// Ends the process when the launching command is gone, whatever its other threads do.
void watch_launcher(int socket) {
  std::thread([socket] {
    for (;;) {
      pollfd wait{socket, POLLRDHUP, 0};
      if (::poll(&wait, 1, -1) > 0) std::_Exit(base::exit_status(base::ErrorKind::kEnvironment));
    }
  }).detach();
}

int connect_to(const std::string& path) {
  int fd = ::socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::strncpy(address.sun_path, path.c_str(), sizeof address.sun_path - 1);
  if (fd >= 0 && ::connect(fd, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0) return fd;
  return -1;
}

void join_launcher() {
  const char* text = std::getenv(launch_names::kFolder);
  if (!text) {
    keep_where("");
    return;
  }
  const std::string folder = text;
  ::unsetenv(launch_names::kFolder);   // not for children of ours
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);  // mpirun may be killed, too
  my_rank = rank_from_environment().value_or(RankPlace{}).rank;
  int fd = connect_to(folder + launch_names::kSocket);
  if (fd < 0 || !channel::send(fd, {channel::Kind::kHello, my_rank}) || !channel::take_stdio(fd)) {
    std::_Exit(base::exit_status(base::ErrorKind::kEnvironment));  // it is gone already
  }
  launcher = fd;
  keep_where(folder + launch_names::where_file(my_rank));
  watch_signals();
  watch_launcher(fd);
}

base::ErrorKind kind_of(const std::exception& error) {
  if (dynamic_cast<const std::bad_alloc*>(&error)) return base::ErrorKind::kEnvironment;
  auto* ours = dynamic_cast<const base::Error*>(&error);
  return ours ? ours->kind() : base::ErrorKind::kInternal;
}

}  // namespace

std::optional<RankPlace> rank_from_environment() {
  // In a batch script SLURM sets its own variables also where nothing is a rank, so only what MPI libraries
  // read counts.
  auto rank = number({"OMPI_COMM_WORLD_RANK", "PMIX_RANK", "PMI_RANK"});
  if (!rank) return std::nullopt;
  RankPlace place;
  place.rank = *rank;
  place.size =
      number({"OMPI_COMM_WORLD_SIZE", "PMI_SIZE", "SLURM_STEP_NUM_TASKS", "SLURM_NTASKS"}).value_or(1);
  place.local_rank =
      number({"OMPI_COMM_WORLD_LOCAL_RANK", "MPI_LOCALRANKID", "SLURM_LOCALID"}).value_or(place.rank);
  place.local_size = number({"OMPI_COMM_WORLD_LOCAL_SIZE", "MPI_LOCALNRANKS"}).value_or(place.size);
  return place;
}

std::optional<int> cores_of_quota(std::istream& cpu_max) {
  double quota = 0, period = 0;
  if (!(cpu_max >> quota >> period) || period <= 0) return std::nullopt;  // "max 100000": no quota
  return std::max(1, static_cast<int>(std::ceil(quota / period)));
}

std::optional<int> quota_cores() {
  std::ifstream cpu_max("/sys/fs/cgroup/cpu.max");
  return cores_of_quota(cpu_max);
}

int usable_cores() {
  const int cores = affine_cores(0);
  return std::min(cores, quota_cores().value_or(cores));
}

int threads_of_this_rank() {
  if (auto told = number({launch_names::kThreads}); told && *told > 0) return *told;
  auto place = rank_from_environment();
  const int cores = usable_cores();
  // A rank bound to cores of its own has them alone.
  if (!place || is_bound()) return cores;
  return std::max(1, cores / std::max(1, place->local_size));
}

int run_rank(const std::function<int()>& work) {
  keep_freed_memory();  // before the first thread
  join_launcher();
  try {
    bind_as_told();
    const int status = work();
    std::fflush(nullptr);
    if (launcher < 0) return status;
    channel::send(launcher, {channel::Kind::kEnd, my_rank, status});
    return 0;  // the status is said; mpirun would kill the ranks that still write their last words
  } catch (const std::exception& error) {
    const bool memory = dynamic_cast<const std::bad_alloc*>(&error);
    report_failure(kind_of(error), memory ? "out of memory" : error.what());
  }
}

void report_failure(base::ErrorKind kind, const std::string& what) {
  static std::mutex mutex;  // never given back: one cause of a process is enough
  mutex.lock();
  // A watchdog's thread doesn't know what the executor was about; the executor's own errors say it.
  const std::string where = where_am_i(),
                    cause = where.empty() || what.starts_with("rank ") ? what : where + ": " + what;
  const int status = base::exit_status(kind);
  std::fflush(nullptr);
  if (launcher >= 0) {
    // The answer means that the cause counts as the first before what follows from this rank's end is seen.
    channel::send(launcher, {channel::Kind::kFailure, my_rank, status}, cause);
    timeval limit{2, 0};
    ::setsockopt(launcher, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
    bool gone = false;
    channel::receive(launcher, /*wait=*/true, gone);
    leave(status);
  }
  const int rank = rank_from_environment().value_or(RankPlace{}).rank;
  fmt::print(stderr, "{}\n", launch_names::failure_line(rank, cause));
  int initialized = 0, finalized = 0;
  MPI_Initialized(&initialized);
  MPI_Finalized(&finalized);
  std::fflush(nullptr);
  if (initialized && !finalized) MPI_Abort(MPI_COMM_WORLD, status);
  leave(status);
}

}  // namespace cordata::runtime
