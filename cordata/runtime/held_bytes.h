// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cstdint>
#include <memory>
#include <mutex>
#include <utility>

namespace cordata::runtime {

// What a rank holds, counted where memory is made and where the last of those who share it lets go: slots,
// receives under way, and messages that still leave, whose threads let go on their own.
class HeldBytes {
 public:
  void add(int64_t bytes) {
    std::lock_guard lock(mutex_);
    live_ += bytes;
    peak_ = std::max(peak_, live_);
  }
  // While a module runs: what it needs besides what is held.
  void note_extra(int64_t bytes) {
    std::lock_guard lock(mutex_);
    peak_ = std::max(peak_, live_ + bytes);
  }
  int64_t live() const {
    std::lock_guard lock(mutex_);
    return live_;
  }
  int64_t peak() const {
    std::lock_guard lock(mutex_);
    return peak_;
  }

 private:
  mutable std::mutex mutex_;
  int64_t live_ = 0, peak_ = 0;
};

// Shares memory of so many bytes, which count in `held` until nobody has it any more.
template <typename T, typename Deleter>
std::shared_ptr<T> counted(std::unique_ptr<T, Deleter> memory, int64_t bytes, HeldBytes& held) {
  held.add(bytes);
  auto free = [bytes, &held, free = memory.get_deleter()](auto* p) mutable {
    free(p);
    held.add(-bytes);
  };
  return std::shared_ptr<T>(memory.release(), std::move(free));
}

}  // namespace cordata::runtime
