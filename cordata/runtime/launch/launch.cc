// SPDX-License-Identifier: Apache-2.0
#include "cordata/runtime/launch/launch.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <poll.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <optional>

#include "cordata/base/error.h"
#include "cordata/base/progress.h"
#include "cordata/runtime/deadline.h"
#include "cordata/runtime/launch/channel.h"
#include "cordata/runtime/launch/mpirun.h"
#include "cordata/runtime/launch/names.h"
#include "cordata/runtime/launch/private_folder.h"
#include "cordata/runtime/launch/where.h"

namespace cordata::runtime {
namespace {

using base::Seconds;

constexpr int kEnvironment = base::exit_status(base::ErrorKind::kEnvironment);

volatile sig_atomic_t caught_signal = 0;

// Notes SIGINT, SIGTERM and SIGHUP while it lives.
class SignalNotes {
 public:
  SignalNotes() {
    caught_signal = 0;
    struct sigaction action {};
    action.sa_handler = [](int signal) { caught_signal = signal; };
    for (size_t i = 0; i < std::size(kSignals); ++i) ::sigaction(kSignals[i], &action, &before_[i]);
  }
  ~SignalNotes() {
    for (size_t i = 0; i < std::size(kSignals); ++i) ::sigaction(kSignals[i], &before_[i], nullptr);
  }
  SignalNotes(const SignalNotes&) = delete;

 private:
  static constexpr int kSignals[] = {SIGINT, SIGTERM, SIGHUP};
  struct sigaction before_[3];
};

int listen_at(const std::string& path) {
  int fd = ::socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::strncpy(address.sun_path, path.c_str(), sizeof address.sun_path - 1);
  if (fd < 0 || ::bind(fd, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0 ||
      ::listen(fd, 512) != 0) {
    throw base::environment_error("[runtime.launch] no socket at {}: {}", path, std::strerror(errno));
  }
  return fd;
}

// `cordata train ... | head -1`: what read our output has seen enough.
bool nobody_reads() {
  pollfd out{STDOUT_FILENO, POLLOUT, 0};
  return ::poll(&out, 1, 0) > 0 && (out.revents & POLLERR);
}

std::string signal_text(int signal) {
  const char* name = ::sigabbrev_np(signal);
  std::string text = name ? fmt::format("killed by SIG{}", name) : fmt::format("killed by signal {}", signal);
  if (signal == SIGKILL) text += " (by hand, or because the machine ran out of memory)";
  return text;
}

struct Rank {
  int socket = -1;
  pid_t process = -1;
  int number = -1;     // not known before its hello
  bool ended = false;  // its work is done, or its failure told
};

struct Failure {
  int status;
  std::string line;
};

// One run. Everything that happens comes through poll: ranks that join, speak or vanish; mpirun is looked at
// in between.
class Run {
 public:
  explicit Run(const LaunchOptions& options)
      : options_(options),
        folder_(base::Bytes((16.0 + 4.0 * options.ranks) * (1 << 20))),  // Open MPI's shared memory
        listener_(listen_at(folder_.path() + launch_names::kSocket)),
        mpirun_(options, folder_.path()),
        start_(Deadline::after(options.start_limit)) {}
  ~Run() {
    kill_ranks();
    for (const Rank& rank : ranks_) ::close(rank.socket);
    if (listener_ >= 0) ::close(listener_);
  }

  // The first failure, once all are gone.
  std::optional<Failure> wait() {
    while (mpirun_.running() || !ranks_.empty()) {
      poll_once();
      judge();
    }
    judge();
    return failure_;
  }

 private:
  static constexpr int kTickMs = 20;

  void poll_once() {
    std::vector<pollfd> waits;
    for (const Rank& rank : ranks_) waits.push_back({rank.socket, POLLIN, 0});
    if (listener_ >= 0) waits.push_back({listener_, POLLIN, 0});
    if (::poll(waits.data(), waits.size(), kTickMs) <= 0) return;
    if (listener_ >= 0 && waits.back().revents) accept_rank();
    // Ranks that vanished without a word come first: what others report in the same moment may follow from
    // that.
    std::vector<bool> gone(waits.size());
    std::vector<std::vector<channel::Received>> notes(waits.size());
    for (size_t i = 0; i < waits.size() && waits[i].fd != listener_; ++i) {
      if (waits[i].revents) gone[i] = !drain(waits[i].fd, notes[i]);
      if (gone[i] && notes[i].empty() && !ranks_[i].ended) vanished(ranks_[i]);
    }
    for (size_t i = 0; i < notes.size(); ++i) {
      for (const auto& note : notes[i]) heard(ranks_[i], note);
      if (gone[i] && !ranks_[i].ended) vanished(ranks_[i]);
    }
    for (size_t i = gone.size(); i-- > 0;) {
      if (!gone[i]) continue;
      ::close(ranks_[i].socket);
      ranks_.erase(ranks_.begin() + static_cast<ptrdiff_t>(i));
    }
  }

  // Everything a rank has said so far. False when it is gone.
  static bool drain(int socket, std::vector<channel::Received>& notes) {
    bool gone = false;
    while (auto note = channel::receive(socket, /*wait=*/false, gone)) notes.push_back(std::move(*note));
    return !gone;
  }

  void accept_rank() {
    int socket = ::accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
    if (socket < 0) return;
    ucred who{};
    socklen_t size = sizeof who;
    ::getsockopt(socket, SOL_SOCKET, SO_PEERCRED, &who, &size);
    if (who.uid != ::geteuid() || !channel::send_stdio(socket)) {
      ::close(socket);
      return;
    }
    ranks_.push_back({socket, who.pid});
  }

  void heard(Rank& rank, const channel::Received& received) {
    const channel::Note& note = received.note;
    switch (note.kind) {
      case channel::Kind::kHello:
        rank.number = note.rank;
        ++joined_;
        return;
      case channel::Kind::kEnd:
        rank.ended = true;
        ++done_;
        if (note.value != 0 && status_ == 0) {
          status_ = note.value;
          give_up_ = Deadline::after(Seconds(5));  // the others end by themselves, or not at all
        }
        if (done_ == options_.ranks) give_up_ = Deadline::after(Seconds(5));
        return;
      case channel::Kind::kFailure:
        rank.ended = true;
        fail(note.value, launch_names::failure_line(note.rank, received.text));
        channel::send(rank.socket, {channel::Kind::kNoted});
        return;
      case channel::Kind::kSignal:
        rank.ended = true;
        if (note.value == SIGPIPE && nobody_reads())
          return fail(128 + SIGPIPE, "");  // as any program ends then: quietly
        fail(kEnvironment, death_of(note.rank, signal_text(note.value)));
        return;
      case channel::Kind::kNoted:
        return;
    }
  }

  // mpirun alone learns how a rank ended that could not tell, and ends the others; that is waited for.
  void vanished(const Rank& rank) {
    if (failure_ || vanished_ || status_ != 0) return;
    vanished_ = rank.number;
    verdict_ = Deadline::after(Seconds(4));
  }

  void judge() {
    const bool runs = mpirun_.running();
    if (caught_signal && !interrupted_) {
      interrupted_ = true;
      failure_ = {128 + caught_signal, caught_signal == SIGINT ? "cordata: interrupted"
                                                               : "cordata: " + signal_text(caught_signal)};
      end_all();
    }
    if (!failure_ && vanished_ && (!runs || verdict_->passed())) fail(kEnvironment, cause_of_death(runs));
    if (!failure_ && !runs && ranks_.empty() && done_ < options_.ranks) fail(kEnvironment, did_not_start());
    if (!failure_ && runs && joined_ < options_.ranks && start_.passed()) {
      fail(kEnvironment,
           fmt::format("cordata: [runtime.launch] wanted {} ranks to start within {} s, got {}{}",
                       options_.ranks, options_.start_limit.value, joined_, quoted_log()));
    }
    if (!failure_ && give_up_ && give_up_->passed()) {
      failure_ = {status_, ""};
      end_all();
    }
    if (terminate_ && terminate_->passed()) mpirun_.signal(SIGTERM);
    if (kill_ && kill_->passed()) mpirun_.signal(SIGKILL);
    if (terminate_) kill_ranks();  // those that joined late
  }

  std::string cause_of_death(bool mpirun_runs) {
    const int status = mpirun_.status();
    if (joined_ < options_.ranks) return did_not_start();
    if (mpirun_runs) return death_of(*vanished_, "died");
    if (status > 128 && status != 130) return death_of(*vanished_, signal_text(status - 128));
    return death_of(*vanished_, fmt::format("ended with status {} without saying why", status));
  }

  // With the place where the rank was, if it was in a step.
  std::string death_of(int rank, const std::string& how) const {
    const std::string where = read_where(folder_.path() + launch_names::where_file(rank));
    return launch_names::failure_line(rank, where.empty() ? how : where + ": " + how);
  }

  std::string did_not_start() {
    return fmt::format("cordata: [runtime.launch] wanted {} ranks, {} started (mpirun's status: {}){}",
                       options_.ranks, joined_, mpirun_.status(), quoted_log());
  }

  std::string quoted_log() const {
    std::string words = mpirun_.last_words();
    return words.empty() ? "" : ":\n" + words;
  }

  void fail(int status, std::string line) {
    if (failure_) return;
    failure_ = {status, std::move(line)};
    end_all();
  }

  // mpirun ends by itself when its ranks are gone; it gets help when it doesn't.
  void end_all() {
    if (listener_ >= 0) ::close(listener_);
    listener_ = -1;
    kill_ranks();
    terminate_ = Deadline::after(Seconds(interrupted_ ? 0 : 1));
    kill_ = Deadline::after(Seconds(3));
  }

  void kill_ranks() {
    // One whose failure was just noted leaves by itself; its socket, still open, says that the process is
    // still that one.
    for (const Rank& rank : ranks_) {
      if (!rank.ended || (terminate_ && terminate_->passed())) ::kill(rank.process, SIGKILL);
    }
  }

  const LaunchOptions& options_;
  PrivateFolder folder_;
  int listener_;
  Mpirun mpirun_;
  std::vector<Rank> ranks_;  // whose sockets are open
  int joined_ = 0, done_ = 0;
  int status_ = 0;  // the first that isn't 0 of ranks that ended by themselves
  std::optional<int> vanished_;
  std::optional<Failure> failure_;
  bool interrupted_ = false;
  Deadline start_;
  std::optional<Deadline> verdict_, give_up_, terminate_, kill_;

 public:
  int status() const { return status_; }
};

// Runs and forgets the folder before anything is printed: then all is over.
Failure run(const LaunchOptions& options) {
  Run run(options);
  if (auto failure = run.wait()) return *failure;
  return {run.status(), ""};
}

}  // namespace

int launch(const LaunchOptions& options) {
  if (options.ranks < 1)
    throw base::user_error("[runtime.launch] wanted 1 rank or more, got {}", options.ranks);
  SignalNotes notes;
  const Failure end = run(options);
  std::fflush(stdout);
  // A rank may have left a progress bar where the cursor is.
  if (!end.line.empty()) fmt::print(stderr, "{}{}\n", base::stderr_is_terminal() ? "\r\033[K" : "", end.line);
  return end.status;
}

}  // namespace cordata::runtime
