// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "cordata/runtime/pjrt/element.h"
#include "cordata/runtime/pjrt/event.h"

struct PJRT_Buffer;

namespace cordata::runtime {

struct BufferDeleter {
  const Plugin* plugin;
  void operator()(PJRT_Buffer* buffer) const;
};

// A tensor on a device, owned. May still be pending: await before touching its memory. Destroying one that a
// later execution reads is safe and doesn't wait.
class Buffer {
 public:
  Buffer() = default;
  Buffer(const Plugin& plugin, PJRT_Buffer* buffer) : buffer_(buffer, BufferDeleter{&plugin}) {}

  explicit operator bool() const { return buffer_ != nullptr; }
  PJRT_Buffer* get() const { return buffer_.get(); }
  void reset() { buffer_.reset(); }

  DType type() const;
  std::vector<int64_t> dims() const;
  int64_t num_bytes() const;  // element bytes times elements

  Event ready_event() const;
  void await(Deadline deadline, std::string_view what = "compute a buffer") const {
    ready_event().await(deadline, what);
  }
  bool deleted() const;  // by donation

  // Whether its memory is the host's, so that host_pointer() may be used. False on accelerators.
  bool host_visible() const;
  // The tensor's own memory, dense, 64-byte aligned, readable and writable. Doesn't wait: await() first.
  // Throws an environment error when it was donated or isn't host-visible.
  std::byte* host_pointer() const;
  // Copies the tensor to the host and waits for it. `to` must have num_bytes() bytes.
  void download(std::span<std::byte> to, Deadline deadline) const;
  template <typename T>
  std::vector<T> to_vector(Deadline deadline) const {
    std::vector<T> values(num_bytes() / sizeof(T));
    download(std::as_writable_bytes(std::span(values)), deadline);
    return values;
  }

 private:
  const Plugin& plugin() const { return *buffer_.get_deleter().plugin; }

  std::unique_ptr<PJRT_Buffer, BufferDeleter> buffer_{nullptr, BufferDeleter{nullptr}};
};

}  // namespace cordata::runtime
