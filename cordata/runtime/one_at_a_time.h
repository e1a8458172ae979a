// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

namespace cordata::runtime {

// Lets the ranks of one machine run modules one at a time, so that each RUN is measured with nothing else of
// the job running. They exclude each other by a lock on a file, which is made. Not for modules with
// collectives, whose ranks would wait for each other inside.
class OneAtATime {
 public:
  // Throws an environment error when the file can't be made.
  explicit OneAtATime(const std::string& path);
  ~OneAtATime();
  OneAtATime(const OneAtATime&) = delete;

  void turn(bool on) { on_ = on; }  // by the rank's own thread, between steps; off at first
  bool on() const { return on_; }

  // Waits for the turn (asleep); nothing while off. Named for std::unique_lock.
  void lock();
  void unlock();

 private:
  int file_;
  bool on_ = false;
};

}  // namespace cordata::runtime
