// SPDX-License-Identifier: Apache-2.0
// A command that launches itself, as `cordata train` does, with ranks that end as told: launch_worker RANKS
// HOW [WHO].
#include <fmt/format.h>
#include <sched.h>
#include <signal.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cstdlib>
#include <iterator>
#include <map>
#include <string>
#include <thread>

#include "cordata/base/error.h"
#include "cordata/runtime/launch/cores.h"
#include "cordata/runtime/launch/launch.h"
#include "cordata/runtime/launch/rank.h"
#include "cordata/runtime/launch/where.h"
#include "cordata/runtime/transport/mpi_transport.h"

using namespace cordata;

namespace {

[[noreturn]] void hang() {
  for (;;) std::this_thread::sleep_for(std::chrono::seconds(1));
}

// Deeper than any stack.
int recurse(int depth) {
  volatile char here[4096] = {static_cast<char>(depth)};
  return depth == 0 ? here[0] : recurse(depth - 1) + here[depth % 4096];
}

// What the rank WHO does, while the others wait for it in a barrier.
const std::map<std::string, void (*)()> kEnds = {
    {"environment", [] { throw base::environment_error("[test] the link is down"); }},
    {"user", [] { throw base::user_error("[test] wanted this, got that"); }},
    {"infeasible", [] { throw base::Error(base::ErrorKind::kInfeasible, "[test] no plan fits"); }},
    {"exception", [] { throw std::runtime_error("first line\nsecond line"); }},
    {"terminate", [] { std::thread([] { throw 1; }).join(); }},
    {"handler",
     [] {
       std::thread([] { runtime::report_failure("said by a thread"); }).detach();
       hang();
     }},
    {"memory-out", [] { fmt::print("{}", std::vector<char>(size_t{1} << 60).size()); }},
    {"kill-at-work",
     [] {
       runtime::say_where("rank 1, stage 0, step 3, RUN F2");
       ::raise(SIGKILL);
     }},
    {"kill", [] { ::raise(SIGKILL); }},
    {"term", [] { ::raise(SIGTERM); }},
    {"stop", [] { ::raise(SIGSTOP); }},
    {"segv", [] { ::raise(SIGSEGV); }},
    {"overflow", [] { fmt::print("{}", recurse(1 << 30)); }},
    {"quit", [] { ::_exit(7); }},
    {"hang", [] { hang(); }},
    {"bar", [] { hang(); }},
};

// Page faults of the last of a few large allocations, each touched and freed, as a step makes them.
long faults() {
  auto count = [] {
    rusage usage{};
    ::getrusage(RUSAGE_SELF, &usage);
    return usage.ru_minflt;
  };
  long before = 0;
  for (int i = 0; i < 20; ++i) {
    if (i == 10) before = count();
    for (size_t mebibytes : {16, 48, 100}) {
      char* memory = static_cast<char*>(std::aligned_alloc(64, mebibytes << 20));
      for (size_t at = 0; at < mebibytes << 20; at += 4096) static_cast<volatile char*>(memory)[at] = 1;
      std::free(memory);
    }
  }
  return count() - before;
}

// As a thread of the rank sees it.
std::string cpus_of(int rank) {
  cpu_set_t set;
  CPU_ZERO(&set);
  ::sched_getaffinity(0, sizeof set, &set);
  std::string text = fmt::format("rank {}, {} threads, CPUs", rank, runtime::threads_of_this_rank());
  for (int cpu = 0; cpu < CPU_SETSIZE; ++cpu)
    if (CPU_ISSET(cpu, &set)) text += fmt::format(" {}", cpu);
  return text;
}

int work(const std::string& how, int who) {
  auto place = runtime::rank_from_environment();
  if (how == "early" && place->rank == who) throw base::user_error("[test] before MPI starts");
  auto world = runtime::make_mpi_transport([](const std::string& cause) { runtime::report_failure(cause); });
  std::vector<int> all;
  for (int r = 0; r < world->size(); ++r) all.push_back(r);
  auto comm = world->make_communicator(all);
  comm->barrier();
  if (how == "threads") fmt::print("threads {}\n", runtime::threads_of_this_rank());
  if (how == "cores") fmt::print("cores {}\n", runtime::cores_of_all(*comm));
  if (how == "cpus") std::thread([&] { fmt::print("{}\n", cpus_of(place->rank)); }).join();
  if (how == "memory") {
    long in_thread = 0;
    std::thread([&] { in_thread = faults(); }).join();
    fmt::print("faults {} {}\n", faults(), in_thread);
  }
  if (how == "place")
    fmt::print("rank {} of {}, {} of {} here\n", place->rank, place->size, place->local_rank,
               place->local_size);
  if (how == "check") return base::exit_status(base::ErrorKind::kCheck);
  if (how == "limit") {
    world->set_time_limit(base::Seconds(1));
    if (place->rank == who) hang();
    runtime::say_where("rank 0, stage 0, step 3, RUN B1");
  }
  if (place->rank == who && kEnds.contains(how)) {
    fmt::print(stderr, "{}", how == "bar" ? "\r\033[Ktrain 50 %" : "ready\n");
    kEnds.at(how)();
  }
  comm->barrier();
  if (place->rank == 0) {
    fmt::print("done\n");
    fmt::print(stderr, "also done\n");
  }
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 3) return base::exit_status(base::ErrorKind::kUser);
  const std::string how = argv[2];
  const int who = argc > 3 ? std::atoi(argv[3]) : 0;
  if (runtime::is_worker()) {
    if (how == "loader" && runtime::rank_from_environment()->rank == who)
      return 1;  // as if a library were missing
    return runtime::run_rank([&] { return work(how, who); });
  }
  try {
    runtime::LaunchOptions options{.ranks = std::atoi(argv[1]), .arguments = {argv + 1, argv + argc}};
    if (const char* cpus = std::getenv("CORDATA_TEST_CPUS"))
      options.cpus = runtime::parse_cpu_list(cpus, options.ranks);
    if (how == "no-mpirun") options.mpirun = "no-such-mpirun";
    if (how == "bad-mpirun") options.mpirun = "false";
    return runtime::launch(options);
  } catch (const base::Error& error) {
    fmt::print(stderr, "{}\n", error.what());
    return base::exit_status(error.kind());
  }
}
