// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <sys/types.h>

#include <string>

#include "cordata/runtime/launch/launch.h"

namespace cordata::runtime {

// A running mpirun, its output in FOLDER/mpirun.log. Killed with the thread that started it, and when
// destroyed.
class Mpirun {
 public:
  // Throws an environment error when it can't be started.
  Mpirun(const LaunchOptions& options, const std::string& folder);
  ~Mpirun();
  Mpirun(const Mpirun&) = delete;
  Mpirun& operator=(const Mpirun&) = delete;

  bool running();  // looks, doesn't wait
  int status() const {
    return status_;
  }  // once it runs no more: its exit status, 128 + N when signal N killed it
  void signal(int number);
  std::string last_words() const;  // the end of what it and ranks that never joined wrote

 private:
  std::string log_;
  pid_t pid_ = -1;
  int status_ = -1;
};

}  // namespace cordata::runtime
