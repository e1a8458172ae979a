// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

// What ranks and the command that launched them say to each other, over one Unix socket (SOCK_SEQPACKET) for
// each rank. A socket, not a file: its end tells both sides that the other is gone, the kernel keeps the
// order of events, and it needs no room on a disk that may be full.
namespace cordata::runtime::channel {

enum class Kind : uint8_t {
  kHello,    // rank -> launcher, first: I am rank `rank`; the launcher answers with its stdout and stderr
  kEnd,      // rank -> launcher: my work is done, with status `value`
  kFailure,  // rank -> launcher: I failed with status `value`, because of `text`; answered by kNoted
  kSignal,   // rank -> launcher: signal `value` ends me
  kNoted,    // launcher -> rank
};

struct Note {
  Kind kind = Kind::kHello;
  int32_t rank = -1;
  int32_t value = 0;
};

struct Received {
  Note note;
  std::string text;
};

// False when the other side is gone. Safe in a signal handler. A text longer than 32 KiB is cut.
bool send(int socket, const Note& note, std::string_view text = {});
// The next note. nullopt: the other side is gone, or (with `wait` false) nothing is there; `gone` tells
// which.
std::optional<Received> receive(int socket, bool wait, bool& gone);

// Hands this process's stdout and stderr over; makes those of the other side this process's own.
bool send_stdio(int socket);
bool take_stdio(int socket);

}  // namespace cordata::runtime::channel
