// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <atomic>
#include <exception>
#include <thread>
#include <vector>

namespace cordata::base {

// Calls work(0), ..., work(count - 1) on at most as many threads as there are cores, each index once. What
// one of them throws first is thrown when all are over. The results must not depend on which thread does
// what.
template <typename Work>
void parallel_for(int count, const Work& work) {
  const int threads = std::min<int>(count, std::max(1u, std::thread::hardware_concurrency()));
  std::atomic<int> next{0};
  std::atomic<bool> failed{false};
  std::exception_ptr error;
  const auto run = [&] {
    for (int i; !failed && (i = next++) < count;) try {
        work(i);
      } catch (...) {
        if (!failed.exchange(true)) error = std::current_exception();
      }
  };
  std::vector<std::thread> others;
  for (int t = 1; t < threads; ++t) others.emplace_back(run);
  run();
  for (auto& t : others) t.join();
  if (error) std::rethrow_exception(error);
}

}  // namespace cordata::base
