// SPDX-License-Identifier: Apache-2.0
#include "cordata/runtime/launch/channel.h"

#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <vector>

namespace cordata::runtime::channel {
namespace {

constexpr size_t kMaxText = 32 << 10;

// Two file descriptors as a control message.
struct Control {
  alignas(cmsghdr) char bytes[CMSG_SPACE(2 * sizeof(int))] = {};
};

}  // namespace

bool send(int socket, const Note& note, std::string_view text) {
  iovec parts[] = {{const_cast<Note*>(&note), sizeof note},
                   {const_cast<char*>(text.data()), std::min(text.size(), kMaxText)}};
  msghdr message{};
  message.msg_iov = parts;
  message.msg_iovlen = 2;
  ssize_t n;
  do n = ::sendmsg(socket, &message, MSG_NOSIGNAL);
  while (n < 0 && errno == EINTR);
  return n >= 0;
}

std::optional<Received> receive(int socket, bool wait, bool& gone) {
  std::vector<char> bytes(sizeof(Note) + kMaxText);
  gone = false;
  // A peer that left with something unread gives one ECONNRESET before the notes that it sent: read on.
  for (int resets = 0;;) {
    ssize_t n = ::recv(socket, bytes.data(), bytes.size(), wait ? 0 : MSG_DONTWAIT);
    if (n >= static_cast<ssize_t>(sizeof(Note))) {
      Received received;
      std::memcpy(&received.note, bytes.data(), sizeof(Note));
      received.text.assign(bytes.data() + sizeof(Note), n - sizeof(Note));
      return received;
    }
    if (n < 0 && errno == EINTR) continue;
    if (n < 0 && errno == ECONNRESET && resets++ == 0) continue;
    gone = n >= 0 || (errno != EAGAIN && errno != EWOULDBLOCK);
    return std::nullopt;
  }
}

bool send_stdio(int socket) {
  const int files[] = {STDOUT_FILENO, STDERR_FILENO};
  char byte = 0;
  iovec part{&byte, 1};
  Control control;
  msghdr message{};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  message.msg_control = control.bytes;
  message.msg_controllen = sizeof control.bytes;
  cmsghdr* header = CMSG_FIRSTHDR(&message);
  header->cmsg_level = SOL_SOCKET;
  header->cmsg_type = SCM_RIGHTS;
  header->cmsg_len = CMSG_LEN(sizeof files);
  std::memcpy(CMSG_DATA(header), files, sizeof files);
  return ::sendmsg(socket, &message, MSG_NOSIGNAL) >= 0;
}

bool take_stdio(int socket) {
  char byte = 0;
  iovec part{&byte, 1};
  Control control;
  msghdr message{};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  message.msg_control = control.bytes;
  message.msg_controllen = sizeof control.bytes;
  if (::recvmsg(socket, &message, MSG_CMSG_CLOEXEC) <= 0) return false;
  cmsghdr* header = CMSG_FIRSTHDR(&message);
  if (!header || header->cmsg_type != SCM_RIGHTS || header->cmsg_len != CMSG_LEN(2 * sizeof(int)))
    return false;
  int files[2];
  std::memcpy(files, CMSG_DATA(header), sizeof files);
  bool taken = ::dup2(files[0], STDOUT_FILENO) >= 0 && ::dup2(files[1], STDERR_FILENO) >= 0;
  ::close(files[0]);
  ::close(files[1]);
  return taken;
}

}  // namespace cordata::runtime::channel
