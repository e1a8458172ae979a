// SPDX-License-Identifier: Apache-2.0
#include "cordata/runtime/one_at_a_time.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "cordata/base/error.h"

namespace cordata::runtime {

OneAtATime::OneAtATime(const std::string& path)
    : file_(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600)) {
  if (file_ < 0)
    throw base::environment_error("[runtime.one_at_a_time] can't make {}: {}", path, std::strerror(errno));
}

OneAtATime::~OneAtATime() { ::close(file_); }

void OneAtATime::lock() {
  if (!on_) return;
  while (::flock(file_, LOCK_EX) != 0) {
    if (errno != EINTR)
      throw base::environment_error("[runtime.one_at_a_time] no lock: {}", std::strerror(errno));
  }
}

void OneAtATime::unlock() {
  if (on_) ::flock(file_, LOCK_UN);
}

}  // namespace cordata::runtime
