// SPDX-License-Identifier: Apache-2.0
#include "cordata/base/progress.h"

#include <fmt/format.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>

namespace cordata::base {
namespace {

constexpr int kBarWidth = 24;

int terminal_columns(std::FILE* out) {
  winsize size{};
  if (ioctl(fileno(out), TIOCGWINSZ, &size) == 0 && size.ws_col > 0) return size.ws_col;
  return 80;
}

}  // namespace

bool stderr_is_terminal() {
  const char* term = std::getenv("TERM");
  return isatty(STDERR_FILENO) && !(term && std::strcmp(term, "dumb") == 0);
}

ProgressBar::ProgressBar(std::string title, int64_t total)
    : ProgressBar(std::move(title), total, stderr, stderr_is_terminal()) {}

ProgressBar::ProgressBar(std::string title, int64_t total, std::FILE* out, bool on_terminal)
    : title_(std::move(title)), total_(total), out_(out), on_terminal_(on_terminal) {}

void ProgressBar::update(int64_t done, std::string_view words) {
  if (!on_terminal_) return;
  const auto now = std::chrono::steady_clock::now();
  const bool last = total_ > 0 && done >= total_;
  if (drawn_ && !last && now - last_ < std::chrono::milliseconds(100)) return;
  last_ = now;
  drawn_ = true;
  fmt::print(out_, "\r\033[K{}", line(title_, done, total_, words, terminal_columns(out_) - 1));
  std::fflush(out_);
}

void ProgressBar::clear() {
  if (!drawn_) return;
  drawn_ = false;
  fmt::print(out_, "\r\033[K");
  std::fflush(out_);
}

std::string ProgressBar::line(std::string_view title, int64_t done, int64_t total, std::string_view words,
                              int columns) {
  std::string text(title);
  if (total > 0) {
    const double share = std::clamp(static_cast<double>(done) / static_cast<double>(total), 0.0, 1.0);
    const int full = static_cast<int>(share * kBarWidth);
    text += fmt::format(" {:3.0f} % [{}{}] {}/{}", 100 * share, std::string(full, '#'),
                        std::string(kBarWidth - full, '-'), done, total);
  }
  if (!words.empty()) text += fmt::format("  {}", words);
  if (columns >= 0 && text.size() > static_cast<size_t>(columns)) text.resize(columns);
  return text;
}

}  // namespace cordata::base
