// SPDX-License-Identifier: Apache-2.0
#include "cordata/runtime/messages.h"

#include <algorithm>

#include "cordata/base/error.h"

namespace cordata::runtime {

namespace {

using std::chrono::microseconds;

// Ranks share cores with those that compute, and every look at the messages takes some of one. So a sleep is
// a part of the time that has passed without anything happening, within bounds: what comes soon is seen soon,
// what takes long seldom looked at.
struct Rhythm {
  int part;
  microseconds least, most;

  microseconds nap(Trace::Clock::duration idle) const {
    return std::clamp(std::chrono::duration_cast<microseconds>(idle) / part, least, most);
  }
};
constexpr Rhythm kComputing{4, microseconds(100),
                            microseconds(500)};  // nobody waits: only to keep messages moving
constexpr Rhythm kWaiting{32, microseconds(20), microseconds(500)};  // a rank stands still: at most 3 % late

}  // namespace

Messages::~Messages() {
  {
    std::lock_guard lock(mutex_);
    stop_ = true;
  }
  changed_.notify_all();
  if (thread_.joinable()) thread_.join();
}

std::shared_ptr<Message> Messages::add(std::unique_ptr<Transfer> transfer, std::shared_ptr<const void> memory,
                                       Label label) {
  check();
  auto message = std::make_shared<Message>();
  message->transfer_ = std::move(transfer);
  message->memory_ = std::move(memory);
  message->lane_ = label.lane;
  message->bytes_ = label.bytes;
  if (trace_) {
    message->label_ = std::move(label.name);
    message->begin_ = Trace::Clock::now();
  }
  std::lock_guard lock(mutex_);
  last_event_ = Trace::Clock::now();
  active_.push_back(message);
  if (!thread_.joinable()) thread_ = std::thread([this] { run(); });
  if (active_.size() == 1) changed_.notify_all();
  return message;
}

void Messages::poll() {
  std::lock_guard lock(mutex_);
  for (auto it = active_.begin(); it != active_.end() && failure_.empty();) {
    Message& message = **it;
    try {
      if (!message.transfer_->done()) {
        ++it;
        continue;
      }
    } catch (const std::exception& error) {
      failure_ = error.what();
      failed_ = true;
      return;
    }
    last_event_ = Trace::Clock::now();
    if (trace_) trace_->add(message.lane_, message.label_, message.begin_, last_event_, message.bytes_);
    message.transfer_.reset();
    message.memory_.reset();
    message.done_.store(true, std::memory_order_release);
    it = active_.erase(it);
  }
}

void Messages::run() {
  std::unique_lock lock(mutex_);
  while (!stop_) {
    changed_.wait(lock, [&] { return stop_ || (!active_.empty() && failure_.empty()); });
    if (stop_) return;
    const microseconds nap = kComputing.nap(Trace::Clock::now() - last_event_);
    lock.unlock();
    if (waiting_ == 0) poll();
    std::this_thread::sleep_for(nap);
    lock.lock();
  }
}

void Messages::check() {
  if (!failed_) return;
  std::lock_guard lock(mutex_);
  throw base::Error(base::ErrorKind::kEnvironment, failure_);
}

void Messages::wait(const Message& message, Deadline deadline, std::string_view what) {
  wait_until([&] { return message.done(); }, deadline, what);
}

void Messages::wait_until(const std::function<bool()>& ended, Deadline deadline, std::string_view what) {
  struct Waiting {
    std::atomic<int>& count;
    explicit Waiting(std::atomic<int>& c) : count(c) { ++count; }
    ~Waiting() { --count; }
  };
  check();
  if (ended()) return;
  Waiting waiting(waiting_);
  const auto begin = Trace::Clock::now();
  for (int tries = 0;; ++tries) {
    poll();
    if (ended()) return;
    check();
    if (deadline.passed()) {
      throw base::environment_error("[runtime.messages] {} did not end before its deadline", what);
    }
    if (tries < 50) {
      std::this_thread::yield();  // a message that is under way already
    } else {
      std::this_thread::sleep_for(kWaiting.nap(Trace::Clock::now() - begin));
    }
  }
}

void Messages::wait_for_all(Deadline deadline) {
  auto none = [&] {
    std::lock_guard lock(mutex_);
    return active_.empty();
  };
  wait_until(none, deadline, "a message");
}

}  // namespace cordata::runtime
