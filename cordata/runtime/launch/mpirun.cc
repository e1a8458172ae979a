// SPDX-License-Identifier: Apache-2.0
#include "cordata/runtime/launch/mpirun.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <map>

#include "cordata/base/error.h"
#include "cordata/runtime/launch/names.h"
#include "cordata/runtime/launch/rank.h"

extern char** environ;

namespace cordata::runtime {
namespace {

// Containers often forbid the system call by which Open MPI copies between processes; it would complain at
// every message.
bool may_copy_between_processes() {
  char from = 1, to = 0;
  iovec target{&to, 1}, source{&from, 1};
  return ::process_vm_readv(::getpid(), &target, 1, &source, 1, 0) == 1;
}

// This process's environment, and what ranks on one machine need. The user's own OMPI_ settings win.
std::vector<std::string> environment(const LaunchOptions& options, const std::string& folder) {
  std::map<std::string, std::string> wanted = {
      {"OMPI_ALLOW_RUN_AS_ROOT", "1"},
      {"OMPI_ALLOW_RUN_AS_ROOT_CONFIRM", "1"},
      {"OMPI_MCA_mpi_yield_when_idle", "1"},  // waiting ranks leave their core to those that compute
      {"HWLOC_HIDE_ERRORS", "2"},             // a container without /sys is none
      {"OMPI_MCA_plm", "isolated"},           // this machine only: no ssh, no SLURM
      {"OMPI_MCA_ras", "^slurm,gridengine"},
      {"OMPI_MCA_pml", "ob1"},
      {"OMPI_MCA_btl", "self,vader"},         // shared memory
      {"OMPI_MCA_rtc_hwloc_vmhole", "none"},  // its map at a guessed address crashes at times
      {"OMPI_MCA_orte_tmpdir_base", folder},  // what it leaves behind when killed goes with our folder
      {"OMPI_MCA_btl_vader_backing_directory", folder},
  };
  if (!may_copy_between_processes()) wanted["OMPI_MCA_btl_vader_single_copy_mechanism"] = "none";
  for (char** entry = environ; *entry; ++entry) {
    const std::string_view text = *entry;
    const size_t at = text.find('=');
    if (at != std::string_view::npos) wanted[std::string(text.substr(0, at))] = text.substr(at + 1);
  }
  const bool bound = !options.cpus.empty();
  if (bound) wanted[launch_names::kCpus] = fmt::format("{}", fmt::join(options.cpus, ","));
  const int shared = bound ? 1 : std::max(1, usable_cores() / options.ranks);
  const int threads = options.threads > 0 ? options.threads : shared;
  if (options.threads > 0 || bound || !wanted.contains(launch_names::kThreads))
    wanted[launch_names::kThreads] = std::to_string(threads);
  wanted[launch_names::kFolder] = folder;
  std::vector<std::string> all;
  for (const auto& [name, value] : wanted) all.push_back(name + "=" + value);
  return all;
}

std::vector<std::string> command(const LaunchOptions& options) {
  std::string program = options.program;
  if (program.empty()) program = std::filesystem::read_symlink("/proc/self/exe").string();
  std::vector<std::string> words = {options.mpirun,
                                    "--quiet",
                                    "--oversubscribe",
                                    "--bind-to",
                                    options.bind ? "core" : "none",
                                    "-n",
                                    std::to_string(options.ranks),
                                    program};
  for (const std::string& argument : options.arguments) {
    // mpirun takes it as the start of another program's command line, wherever it stands.
    if (argument == ":")
      throw base::user_error("[runtime.launch] wanted arguments that mpirun can pass on, got \":\"");
    words.push_back(argument);
  }
  return words;
}

std::vector<char*> pointers(std::vector<std::string>& words) {
  std::vector<char*> all;
  for (std::string& word : words) all.push_back(word.data());
  all.push_back(nullptr);
  return all;
}

// The child between fork and exec: only calls that are safe there. Writes errno to `report` when exec fails.
[[noreturn]] void become(char** words, char** variables, const char* log, int report, pid_t parent) {
  ::setpgid(0, 0);  // Ctrl-C on the terminal is for the launching command alone, which ends the ranks itself
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (::getppid() != parent) ::_exit(1);
  for (int signal : {SIGINT, SIGTERM, SIGHUP, SIGPIPE}) ::signal(signal, SIG_DFL);
  const int in = ::open("/dev/null", O_RDONLY);
  int out = ::open(log, O_WRONLY | O_CREAT | O_APPEND, 0600);
  if (out < 0) out = ::open("/dev/null", O_WRONLY);
  ::dup2(in, STDIN_FILENO);
  ::dup2(out, STDOUT_FILENO);
  ::dup2(out, STDERR_FILENO);
  ::execvpe(words[0], words, variables);
  const int why = errno;
  [[maybe_unused]] ssize_t n = ::write(report, &why, sizeof why);
  ::_exit(127);
}

}  // namespace

Mpirun::Mpirun(const LaunchOptions& options, const std::string& folder) : log_(folder + "/mpirun.log") {
  auto words = command(options), variables = environment(options, folder);
  auto word_pointers = pointers(words), variable_pointers = pointers(variables);
  int report[2];
  if (::pipe2(report, O_CLOEXEC) != 0)
    throw base::environment_error("[runtime.launch] no pipe: {}", std::strerror(errno));
  const pid_t parent = ::getpid();
  pid_ = ::fork();
  if (pid_ == 0) become(word_pointers.data(), variable_pointers.data(), log_.c_str(), report[1], parent);
  int why = pid_ < 0 ? errno : 0;
  ::close(report[1]);
  if (pid_ > 0) {
    while (::read(report[0], &why, sizeof why) < 0 && errno == EINTR) {
    }
    if (why) ::waitpid(pid_, nullptr, 0);
  }
  ::close(report[0]);
  if (why) {
    pid_ = -1;
    throw base::environment_error(
        "[runtime.launch] wanted to start {}, got: {}; try installing Open MPI (openmpi-bin)", options.mpirun,
        std::strerror(why));
  }
}

Mpirun::~Mpirun() {
  if (!running()) return;
  signal(SIGKILL);
  ::waitpid(pid_, nullptr, 0);
}

bool Mpirun::running() {
  if (pid_ < 0) return false;
  int status = 0;
  const pid_t ended = ::waitpid(pid_, &status, WNOHANG);
  if (ended == 0 || (ended < 0 && errno == EINTR)) return true;
  status_ = WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
  pid_ = -1;
  return false;
}

void Mpirun::signal(int number) {
  if (pid_ > 0) ::kill(pid_, number);
}

std::string Mpirun::last_words() const {
  constexpr size_t kMost = 2000;
  std::ifstream in(log_);
  std::string text((std::istreambuf_iterator<char>(in)), {});
  if (text.size() > kMost) text = "..." + text.substr(text.size() - kMost);
  while (!text.empty() && (text.back() == '\n' || text.back() == ' ')) text.pop_back();
  return text;
}

}  // namespace cordata::runtime
