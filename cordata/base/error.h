// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <fmt/format.h>

#include <stdexcept>
#include <string>

namespace cordata::base {

// Whose fault an error is. The command line maps kinds to exit statuses.
enum class ErrorKind {
  kInternal,     // ours: a broken invariant (exit status 1)
  kUser,         // wrong usage or bad input (2)
  kEnvironment,  // the cluster, a device, a rank or the disk failed (3)
  kInfeasible,   // no plan fits (4)
  kCheck,        // an expectation did not hold (5)
};

// The one exception type of the project. The text reads "[room.part] wanted ..., got ...; try ...".
class Error : public std::runtime_error {
 public:
  Error(ErrorKind kind, const std::string& text) : std::runtime_error(text), kind_(kind) {}
  ErrorKind kind() const { return kind_; }

 private:
  ErrorKind kind_;
};

// The exit status of the command line for an error of this kind (design, section 7).
constexpr int exit_status(ErrorKind kind) {
  switch (kind) {
    case ErrorKind::kInternal:
      return 1;
    case ErrorKind::kUser:
      return 2;
    case ErrorKind::kEnvironment:
      return 3;
    case ErrorKind::kInfeasible:
      return 4;
    case ErrorKind::kCheck:
      return 5;
  }
  return 1;
}

// Each makes an Error to be thrown: `throw user_error("[cli] wanted a file, got {}", path)`.
template <typename... Args>
Error user_error(fmt::format_string<Args...> text, Args&&... args) {
  return Error(ErrorKind::kUser, fmt::format(text, std::forward<Args>(args)...));
}
template <typename... Args>
Error environment_error(fmt::format_string<Args...> text, Args&&... args) {
  return Error(ErrorKind::kEnvironment, fmt::format(text, std::forward<Args>(args)...));
}
template <typename... Args>
Error internal_error(fmt::format_string<Args...> text, Args&&... args) {
  return Error(ErrorKind::kInternal, fmt::format(text, std::forward<Args>(args)...));
}

}  // namespace cordata::base
