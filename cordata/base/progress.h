// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstdint>
#include <cstdio>
#include <string>
#include <string_view>

namespace cordata::base {

// One line of progress on stderr, redrawn in place; draws nothing where stderr is no terminal. Not for
// several threads.
class ProgressBar {
 public:
  // `total` 0: unknown, only words are shown. `out` and `on_terminal` are for tests.
  ProgressBar(std::string title, int64_t total);
  ProgressBar(std::string title, int64_t total, std::FILE* out, bool on_terminal);
  ~ProgressBar() { clear(); }
  ProgressBar(const ProgressBar&) = delete;
  ProgressBar& operator=(const ProgressBar&) = delete;

  // At most ten redraws a second, and one when done. `words` stand behind the bar ("loss 2.31, 3,010
  // tokens/s").
  void update(int64_t done, std::string_view words = "");
  void clear();  // takes the line away, so that other text can be printed

  // "title  42 % [########----------] 42/100  words", cut to `columns`.
  static std::string line(std::string_view title, int64_t done, int64_t total, std::string_view words,
                          int columns);

 private:
  std::string title_;
  int64_t total_;
  std::FILE* out_;
  bool on_terminal_;
  bool drawn_ = false;
  std::chrono::steady_clock::time_point last_{};
};

bool stderr_is_terminal();

}  // namespace cordata::base
