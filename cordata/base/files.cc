// SPDX-License-Identifier: Apache-2.0
#include "cordata/base/files.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "cordata/base/error.h"

namespace cordata::base {
namespace {

namespace fs = std::filesystem;

std::string reason() { return std::strerror(errno); }

void write_all(int file, std::string_view text, const std::string& path) {
  while (!text.empty()) {
    const ssize_t n = ::write(file, text.data(), text.size());
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) throw environment_error("[base.files] can't write {}: {}", path, reason());
    text.remove_prefix(n);
  }
}

// Writes the file at `path`, which is closed even when that fails.
void write_to(const std::string& path, int flags, std::string_view text, bool sync) {
  const int file = ::open(path.c_str(), O_WRONLY | O_CLOEXEC | flags, 0666);
  if (file < 0) throw environment_error("[base.files] can't write {}: {}", path, reason());
  try {
    write_all(file, text, path);
    if (sync && fsync(file) != 0) throw environment_error("[base.files] can't write {}: {}", path, reason());
  } catch (...) {
    close(file);
    throw;
  }
  if (close(file) != 0) throw environment_error("[base.files] can't write {}: {}", path, reason());
}

bool exists_as_other(const std::string& path) {
  std::error_code ignored;
  const auto status = fs::status(path, ignored);
  return fs::exists(status) && !fs::is_regular_file(status);
}

}  // namespace

std::string read_file(const std::string& path) {
  std::error_code ignored;
  if (fs::is_directory(path, ignored))
    throw user_error("[base.files] can't read {}: it is a directory, wanted a file", path);
  std::ifstream in(path, std::ios::binary);
  if (!in) throw user_error("[base.files] can't read {}: {}", path, reason());
  std::ostringstream text;
  text << in.rdbuf();
  if (in.bad()) throw user_error("[base.files] can't read {}: {}", path, reason());
  return std::move(text).str();
}

void check_writable(const std::string& path) {
  if (path.empty()) throw user_error("[base.files] wanted a file to write, got an empty path");
  std::error_code ignored;
  if (fs::is_directory(path, ignored))
    throw user_error("[base.files] can't write {}: it is a directory, wanted a file", path);
  if (fs::exists(path, ignored)) {
    if (access(path.c_str(), W_OK) != 0) throw user_error("[base.files] can't write {}: {}", path, reason());
    return;
  }
  // Only making a file shows that one can be made: permissions say nothing of a file system that is mounted
  // read-only.
  const int file = ::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
  if (file < 0) throw user_error("[base.files] can't write {}: {}; does its folder exist?", path, reason());
  close(file);
  unlink(path.c_str());
}

void check_writable_directory(const std::string& path) {
  if (path.empty()) throw user_error("[base.files] wanted a folder to write to, got an empty path");
  std::error_code error;
  fs::path at = fs::absolute(path, error);
  if (fs::exists(at, error) && !fs::is_directory(at, error))
    throw user_error("[base.files] wanted a folder to write to, got {}, which is a file", path);
  while (!fs::exists(at, error) && at.has_relative_path()) at = at.parent_path();
  if (!fs::is_directory(at, error))
    throw user_error("[base.files] can't make {}: {} is a file", path, at.string());
  std::string probe = (at / ".cordata.XXXXXX").string();
  const int file = mkstemp(probe.data());
  if (file < 0) throw user_error("[base.files] can't write to {}: {}", at.string(), reason());
  close(file);
  unlink(probe.c_str());
}

void write_file(const std::string& path, std::string_view text) {
  if (exists_as_other(path)) return write_to(path, 0, text, false);
  const std::string partial = path + ".partial";
  try {
    write_to(partial, O_CREAT | O_TRUNC, text, true);
  } catch (...) {
    unlink(partial.c_str());
    throw;
  }
  if (std::rename(partial.c_str(), path.c_str()) != 0)
    throw environment_error("[base.files] can't write {}: {}", path, reason());
}

}  // namespace cordata::base
