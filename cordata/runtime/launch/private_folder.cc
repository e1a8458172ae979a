// SPDX-License-Identifier: Apache-2.0
#include "cordata/runtime/launch/private_folder.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/statvfs.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>

#include "cordata/base/error.h"

namespace cordata::runtime {
namespace {

bool has_room(const std::string& folder, base::Bytes needed) {
  struct statvfs room {};
  return ::statvfs(folder.c_str(), &room) == 0 &&
         static_cast<double>(room.f_bavail) * static_cast<double>(room.f_frsize) >= needed.value;
}

std::string make_folder(base::Bytes needed) {
  const char* temporary = std::getenv("TMPDIR");
  for (std::string base : {"/dev/shm", temporary ? temporary : "/tmp", "/tmp"}) {
    if (!has_room(base, needed)) continue;
    std::string pattern = base + "/cordata.XXXXXX";
    if (pattern.size() <= 90 && ::mkdtemp(pattern.data())) return pattern;
  }
  throw base::environment_error(
      "[runtime.launch] wanted a temporary folder with room for {}, got none in /dev/shm or /tmp; try "
      "setting TMPDIR",
      to_string(needed));
}

// Between fork and exec: only calls that are safe there. Twice, as ranks may just be making files while they
// are killed.
[[noreturn]] void keep(int alive, const char* folder) {
  ::setsid();
  ::dup2(alive, STDIN_FILENO);
  const int nowhere = ::open("/dev/null", O_WRONLY);
  ::dup2(nowhere, STDOUT_FILENO);
  ::dup2(nowhere, STDERR_FILENO);
  ::execl("/bin/sh", "sh", "-c", "read _; rm -rf -- \"$1\"; sleep 1; rm -rf -- \"$1\"", "sh", folder,
          nullptr);
  ::_exit(127);
}

}  // namespace

PrivateFolder::PrivateFolder(base::Bytes needed) : path_(make_folder(needed)) {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) return;  // then only being killed leaves the folder
  keeper_ = ::fork();
  if (keeper_ == 0) keep(ends[0], path_.c_str());
  ::close(ends[0]);
  alive_ = ends[1];
}

PrivateFolder::~PrivateFolder() {
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
  if (keeper_ > 0) {
    ::kill(keeper_, SIGKILL);
    ::waitpid(keeper_, nullptr, 0);
  }
  if (alive_ >= 0) ::close(alive_);
}

}  // namespace cordata::runtime
