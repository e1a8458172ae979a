// SPDX-License-Identifier: Apache-2.0
#include "cordata/runtime/transport/mpi_transport.h"

#include <mpi.h>

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <cstdlib>
#include <cstring>
#include <exception>
#include <mutex>
#include <thread>

#include "cordata/base/error.h"
#include "cordata/runtime/keep_memory.h"
#include "cordata/runtime/pjrt/element.h"
#include "cordata/runtime/transport/mpi_types.h"

namespace cordata::runtime {
namespace {

// Blocking MPI collectives are faster than any that can be polled, but nobody can call a thread back that
// hangs in one. So a thread of its own looks now and then whether a collective is overdue, and ends the job.
class Watchdog {
 public:
  explicit Watchdog(std::function<void(const std::string&)> fail)
      : fail_(std::move(fail)), thread_([this] { run(); }) {}
  ~Watchdog() {
    {
      std::lock_guard lock(mutex_);
      stop_ = true;
    }
    changed_.notify_all();
    thread_.join();
  }

  void set_limit(base::Seconds limit) {
    std::lock_guard lock(mutex_);
    limit_ = limit;
    changed_.notify_all();
  }

  // Collectives of one rank run one at a time per communicator, rarely several at once: the oldest counts.
  void enter(const char* call) {
    call_ = call;
    if (running_++ == 0) since_ = now();
  }
  void leave() { --running_; }

 private:
  static double now() {
    return std::chrono::duration<double>(Deadline::Clock::now().time_since_epoch()).count();
  }

  void run() {
    std::unique_lock lock(mutex_);
    while (!stop_) {
      changed_.wait_for(lock, std::chrono::duration<double>(std::clamp(limit_.value / 4, 0.01, 1.0)));
      if (stop_ || running_ == 0 || now() - since_ < limit_.value) continue;
      fail_(fmt::format("{} did not end within {} s: another rank is stuck or gone", call_.load(),
                        limit_.value));
      return;
    }
  }

  std::function<void(const std::string&)> fail_;
  std::mutex mutex_;
  std::condition_variable changed_;
  bool stop_ = false;
  base::Seconds limit_{600};
  std::atomic<const char*> call_ = "";
  std::atomic<double> since_ = 0;
  std::atomic<int> running_ = 0;
  std::thread thread_;
};

class Watched {
 public:
  Watched(Watchdog& dog, const char* call) : dog_(dog) { dog_.enter(call); }
  ~Watched() { dog_.leave(); }
  Watched(const Watched&) = delete;

 private:
  Watchdog& dog_;
};

class MpiTransfer : public Transfer {
 public:
  explicit MpiTransfer(int64_t bytes) : bytes_(bytes) {}
  ~MpiTransfer() override {
    if (request_ != MPI_REQUEST_NULL) MPI_Request_free(&request_);
  }
  bool done() override {
    if (request_ == MPI_REQUEST_NULL) return true;
    int flag = 0;
    mpi::check(MPI_Test(&request_, &flag, MPI_STATUS_IGNORE), "MPI_Test");
    return flag;
  }
  const mpi::Bytes& bytes() const { return bytes_; }
  MPI_Request* request() { return &request_; }

 private:
  mpi::Bytes bytes_;
  MPI_Request request_ = MPI_REQUEST_NULL;
};

class MpiCommunicator : public Communicator {
 public:
  MpiCommunicator(MPI_Comm comm, Watchdog& dog) : comm_(comm), dog_(dog) {
    MPI_Comm_set_errhandler(comm_, MPI_ERRORS_RETURN);
    MPI_Comm_rank(comm_, &rank_);
    MPI_Comm_size(comm_, &size_);
  }
  ~MpiCommunicator() override {
    int finalized = 0;
    MPI_Finalized(&finalized);
    if (!finalized) MPI_Comm_free(&comm_);
  }

  int rank() const override { return rank_; }
  int size() const override { return size_; }

  void all_reduce(const void* in, void* out, int64_t count, DType type, Reduce reduce) override {
    Watched watched(dog_, "all_reduce");
    auto [mpi_type, op] = mpi::reduction(type, reduce);
    const int64_t width = element_bytes(type);
    for (int64_t from = 0; from < count; from += kMaxCount) {  // more than an int counts: in pieces
      const int n = static_cast<int>(std::min(count - from, kMaxCount));
      auto* to = static_cast<std::byte*>(out) + from * width;
      const void* source = in == out ? MPI_IN_PLACE : static_cast<const std::byte*>(in) + from * width;
      mpi::check(MPI_Allreduce(source, to, n, mpi_type, op, comm_), "MPI_Allreduce");
    }
  }

  void all_gather(const void* in, void* out, int64_t bytes) override {
    Watched watched(dog_, "all_gather");
    mpi::Bytes each(bytes);
    mpi::check(MPI_Allgather(in, each.count(), each.type(), out, each.count(), each.type(), comm_),
               "MPI_Allgather");
  }

  void reduce_scatter(const void* in, void* out, int64_t count, DType type, Reduce reduce) override {
    Watched watched(dog_, "reduce_scatter");
    if (count > kMaxCount) {
      throw base::user_error(
          "[runtime.transport] wanted at most {} elements a rank in a reduce_scatter, got {}", kMaxCount,
          count);
    }
    auto [mpi_type, op] = mpi::reduction(type, reduce);
    // MPI_Reduce_scatter with equal counts: OpenMPI's MPI_Reduce_scatter_block reduces everything on one rank
    // first.
    std::vector<int> counts(size_, static_cast<int>(count));
    mpi::check(MPI_Reduce_scatter(in, out, counts.data(), mpi_type, op, comm_), "MPI_Reduce_scatter");
  }

  void all_to_all(const void* in, void* out, int64_t bytes) override {
    Watched watched(dog_, "all_to_all");
    mpi::Bytes each(bytes);
    mpi::check(MPI_Alltoall(in, each.count(), each.type(), out, each.count(), each.type(), comm_),
               "MPI_Alltoall");
  }

  void permute(const void* in, void* out, int64_t bytes,
               std::span<const std::pair<int, int>> pairs) override {
    Watched watched(dog_, "collective_permute");
    mpi::Bytes all(bytes);
    std::vector<MPI_Request> requests;
    bool is_target = false;
    for (auto [source, target] : pairs) {
      if (target == rank_) {
        is_target = true;
        auto& request = requests.emplace_back();
        mpi::check(MPI_Irecv(out, all.count(), all.type(), source, 0, comm_, &request), "MPI_Irecv");
      }
    }
    for (auto [source, target] : pairs) {
      if (source == rank_) {
        auto& request = requests.emplace_back();
        mpi::check(MPI_Isend(in, all.count(), all.type(), target, 0, comm_, &request), "MPI_Isend");
      }
    }
    if (!is_target) std::memset(out, 0, bytes);
    mpi::check(MPI_Waitall(static_cast<int>(requests.size()), requests.data(), MPI_STATUSES_IGNORE),
               "MPI_Waitall");
  }

  void broadcast(void* data, int64_t bytes, int root) override {
    Watched watched(dog_, "broadcast");
    mpi::Bytes all(bytes);
    mpi::check(MPI_Bcast(data, all.count(), all.type(), root, comm_), "MPI_Bcast");
  }

  void barrier() override {
    Watched watched(dog_, "barrier");
    mpi::check(MPI_Barrier(comm_), "MPI_Barrier");
  }

 private:
  static constexpr int64_t kMaxCount = int64_t{1} << 30;

  MPI_Comm comm_;
  Watchdog& dog_;
  int rank_ = 0, size_ = 0;
};

// Initialised while it lives. Left without MPI_Finalize when an exception unwinds it: the other ranks may
// never come.
class MpiSession {
 public:
  MpiSession() {
    // Ranks that share cores must not spin; a launcher's own setting wins.
    setenv("OMPI_MCA_mpi_yield_when_idle", "1", 0);
    keep_freed_memory();
    int initialized = 0, provided = 0;
    MPI_Initialized(&initialized);
    owned_ = !initialized;
    mpi::check(initialized ? MPI_Query_thread(&provided)
                           : MPI_Init_thread(nullptr, nullptr, MPI_THREAD_MULTIPLE, &provided),
               "MPI_Init_thread");
    if (provided < MPI_THREAD_MULTIPLE) {
      throw base::environment_error(
          "[runtime.transport] wanted an MPI built for threads (MPI_THREAD_MULTIPLE), got {}", provided);
    }
    MPI_Comm_set_errhandler(MPI_COMM_WORLD, MPI_ERRORS_RETURN);
  }
  ~MpiSession() {
    if (owned_ && std::uncaught_exceptions() == 0) MPI_Finalize();
  }
  MpiSession(const MpiSession&) = delete;

 private:
  bool owned_ = false;
};

class MpiTransport : public Transport {
 public:
  explicit MpiTransport(FailureHandler on_failure)
      : on_failure_(std::move(on_failure)), dog_([this](const std::string& cause) { abort(cause); }) {
    MPI_Comm_rank(MPI_COMM_WORLD, &rank_);
    MPI_Comm_size(MPI_COMM_WORLD, &size_);
    MPI_Comm_dup(MPI_COMM_WORLD, &messages_);
    MPI_Comm_set_errhandler(messages_, MPI_ERRORS_RETURN);
    MPI_Comm_set_name(messages_, "messages");  // tells them from permutes where traffic is counted
  }

  int rank() const override { return rank_; }
  int size() const override { return size_; }

  std::unique_ptr<Communicator> make_communicator(const std::vector<int>& ranks) override {
    if (std::find(ranks.begin(), ranks.end(), rank_) == ranks.end()) return nullptr;
    MPI_Group world, group;
    MPI_Comm comm = MPI_COMM_NULL;
    mpi::check(MPI_Comm_group(MPI_COMM_WORLD, &world), "MPI_Comm_group");
    mpi::check(MPI_Group_incl(world, static_cast<int>(ranks.size()), ranks.data(), &group), "MPI_Group_incl");
    mpi::check(MPI_Comm_create_group(MPI_COMM_WORLD, group, /*tag=*/0, &comm), "MPI_Comm_create_group");
    MPI_Group_free(&group);
    MPI_Group_free(&world);
    return std::make_unique<MpiCommunicator>(comm, dog_);
  }

  std::unique_ptr<Transfer> send(const void* data, int64_t bytes, int to, int tag) override {
    auto transfer = std::make_unique<MpiTransfer>(bytes);
    const mpi::Bytes& all = transfer->bytes();
    mpi::check(MPI_Isend(data, all.count(), all.type(), to, tag, messages_, transfer->request()),
               "MPI_Isend");
    return transfer;
  }
  std::unique_ptr<Transfer> receive(void* data, int64_t bytes, int from, int tag) override {
    auto transfer = std::make_unique<MpiTransfer>(bytes);
    const mpi::Bytes& all = transfer->bytes();
    mpi::check(MPI_Irecv(data, all.count(), all.type(), from, tag, messages_, transfer->request()),
               "MPI_Irecv");
    return transfer;
  }

  void set_time_limit(base::Seconds limit) override { dog_.set_limit(limit); }
  void abort(const std::string& cause) override {
    if (on_failure_) on_failure_(cause);
    fmt::print(stderr, "cordata: rank {}: {}\n", rank_, cause);
    MPI_Abort(MPI_COMM_WORLD, base::exit_status(base::ErrorKind::kEnvironment));
    std::_Exit(base::exit_status(base::ErrorKind::kEnvironment));
  }

 private:
  MpiSession session_;
  FailureHandler on_failure_;
  MPI_Comm messages_ = MPI_COMM_NULL;
  int rank_ = 0, size_ = 1;
  Watchdog dog_;
};

}  // namespace

std::unique_ptr<Transport> make_mpi_transport(FailureHandler on_failure) {
  return std::make_unique<MpiTransport>(std::move(on_failure));
}

}  // namespace cordata::runtime
