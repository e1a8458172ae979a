// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <condition_variable>
#include <functional>
#include <list>
#include <memory>
#include <mutex>
#include <string>
#include <thread>

#include "cordata/runtime/trace.h"
#include "cordata/runtime/transport/transport.h"

namespace cordata::runtime {

// A message on its way, kept moving by Messages.
class Message {
 public:
  bool done() const { return done_.load(std::memory_order_acquire); }

 private:
  friend class Messages;
  std::shared_ptr<const void> memory_;  // what it reads or fills; dropped when it has ended
  std::unique_ptr<Transfer> transfer_;
  std::string label_;  // traced under this name; empty: not traced
  Trace::Lane lane_ = Trace::Lane::kSend;
  Trace::Clock::time_point begin_;
  int64_t bytes_ = 0;
  std::atomic<bool> done_ = false;
};

// A rank's messages in flight. A thread of its own keeps asking them whether they have ended, so that they
// make progress while the rank computes; a rank that waits asks them itself, which is faster.
class Messages {
 public:
  explicit Messages(Trace* trace) : trace_(trace) {}
  ~Messages();
  Messages(const Messages&) = delete;

  struct Label {
    std::string name;
    Trace::Lane lane;
    int64_t bytes;
  };
  // Takes over a transfer and the memory it uses. Throws what an earlier message failed with.
  std::shared_ptr<Message> add(std::unique_ptr<Transfer> transfer, std::shared_ptr<const void> memory,
                               Label label);

  // Until it has ended. Throws an environment error when any message failed, or the deadline passed (naming
  // `what`).
  void wait(const Message& message, Deadline deadline, std::string_view what);
  // Until `ended` says so (messages end in between).
  void wait_until(const std::function<bool()>& ended, Deadline deadline, std::string_view what);
  // Until all have ended.
  void wait_for_all(Deadline deadline);

 private:
  void run();
  void poll();  // asks each once
  void check();

  Trace* trace_;
  std::mutex mutex_;  // guards all below, and every call of Transfer::done
  std::condition_variable changed_;
  std::list<std::shared_ptr<Message>> active_;
  Trace::Clock::time_point last_event_;  // when a message last began or ended
  std::string failure_;
  bool stop_ = false;
  std::atomic<int> waiting_ = 0;  // ranks that poll themselves
  std::atomic<bool> failed_ = false;
  std::thread thread_;  // started with the first message
};

}  // namespace cordata::runtime
