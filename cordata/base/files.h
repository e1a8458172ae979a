// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>

namespace cordata::base {

// Throws a user error when the file can't be read (missing, a directory, no permission).
std::string read_file(const std::string& path);

// Throws a user error when a file of that path could not be written: asked before work begins, so that hours
// of it don't end in "permission denied". Leaves an existing file as it is, and nothing where there was none.
void check_writable(const std::string& path);
// The same for a folder that is to be made or filled: it exists and takes files, or can be made.
void check_writable_directory(const std::string& path);

// The whole text or nothing: written beside, synced, renamed. What is no regular file (/dev/stdout, a pipe)
// is written to directly. Throws an environment error when the disk is full or fails.
void write_file(const std::string& path, std::string_view text);

}  // namespace cordata::base
