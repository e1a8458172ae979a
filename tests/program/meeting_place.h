// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <condition_variable>
#include <functional>
#include <list>
#include <mutex>
#include <string>

#include "tests/program/interpreter.h"

namespace cordata::tests {

struct Failed {};  // thrown in every rank once one has failed

// One lock for all ranks, and the conditions that they wait for.
class MeetingPlace {
 public:
  MeetingPlace(int ranks, double deadline_s)
      : ranks_(ranks),
        deadline_(std::chrono::steady_clock::now() +
                  std::chrono::duration_cast<std::chrono::steady_clock::duration>(
                      std::chrono::duration<double>(deadline_s))) {}

  std::mutex mutex;
  Verdict verdict;

  // All below: with the lock held.
  void changed() { condition_.notify_all(); }

  [[noreturn]] void fail(const std::string& why, bool hang = false) {
    if (verdict.why.empty()) verdict.why = why, verdict.hang = hang;
    condition_.notify_all();
    throw Failed{};
  }

  void check() const {
    if (!verdict.why.empty()) throw Failed{};
  }

  void wait(std::unique_lock<std::mutex>& lock, const std::string& what, const std::function<bool()>& holds) {
    check();
    if (holds()) return;
    const auto mine = waiting_.insert(waiting_.end(), holds);
    while (!holds() && verdict.why.empty()) {
      if (all_blocked()) {
        verdict.why = "all ranks are blocked; the last one waits for " + what;
        verdict.hang = true;
        condition_.notify_all();
      } else if (condition_.wait_until(lock, deadline_) == std::cv_status::timeout) {
        verdict.why = "deadline passed";
        verdict.out_of_time = true;
        condition_.notify_all();
      }
    }
    waiting_.erase(mine);
    check();
  }

  void ended() {
    ++ended_;
    if (verdict.why.empty() && !waiting_.empty() && all_blocked()) {
      verdict.why = "all ranks that have not ended are blocked";
      verdict.hang = true;
      condition_.notify_all();
    }
  }

 private:
  bool all_blocked() const {
    if (static_cast<int>(waiting_.size()) + ended_ < ranks_) return false;
    for (const auto& holds : waiting_)
      if (holds()) return false;
    return true;
  }

  const int ranks_;
  const std::chrono::steady_clock::time_point deadline_;
  std::condition_variable condition_;
  std::list<std::function<bool()>> waiting_;
  int ended_ = 0;
};

}  // namespace cordata::tests
