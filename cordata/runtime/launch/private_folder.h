// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <sys/types.h>

#include <string>

#include "cordata/base/units.h"

namespace cordata::runtime {

// A temporary folder that only this user may enter; in memory where possible, as ranks talk through files in
// it. Removed with all that is in it when destroyed, and, by a small process that outlives us, when this
// process is killed.
class PrivateFolder {
 public:
  explicit PrivateFolder(base::Bytes needed);  // throws an environment error when no place has that room
  ~PrivateFolder();
  PrivateFolder(const PrivateFolder&) = delete;
  PrivateFolder& operator=(const PrivateFolder&) = delete;

  const std::string& path() const { return path_; }  // at most 90 characters, so that a socket fits in

 private:
  std::string path_;
  pid_t keeper_ = -1;
  int alive_ = -1;  // a pipe to the keeper, closed when we end
};

}  // namespace cordata::runtime
