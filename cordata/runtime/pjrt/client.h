// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "cordata/runtime/pjrt/executable.h"

struct PJRT_Client;
struct PJRT_Device;

namespace cordata::runtime {

struct ClientOptions {
  int devices = 1;  // virtual devices that a CPU plugin makes; accelerator plugins have what they have
  int threads = 0;  // of a CPU plugin's compute pool; 0 leaves it to the plugin (all cores)
  bool asynchronous = true;  // whether Execute may return before the results are ready (CPU plugins)
};

struct DeviceInfo {
  std::string kind;
  std::optional<base::Bytes> memory;  // what can be allocated, where the plugin says
};

struct ClientDeleter {
  const Plugin* plugin;
  void operator()(PJRT_Client* client) const;
};

// The devices of a plugin, as this process sees them. Outlives its buffers and executables.
class Client {
 public:
  explicit Client(const Plugin& plugin, const ClientOptions& options = {});

  const Plugin& plugin() const { return *client_.get_deleter().plugin; }
  std::string platform() const;  // "cpu", "cuda"
  int num_devices() const { return static_cast<int>(devices_.size()); }
  DeviceInfo device(int index) const;

  // Compiles a StableHLO module given as MLIR text to run on devices 0 to replicas - 1, each with its own
  // arguments. (Partitions would need XLA's own partitioner; a module that Cordata cut is one program that
  // all replicas run.)
  Executable compile(std::string_view mlir, int replicas = 1) const;

  // Copies the dense row-major tensor at `data`; the caller's memory is free again on return.
  Buffer upload(const void* data, DType type, std::span<const int64_t> dims, int device = 0) const;
  template <typename T>
  Buffer upload(const std::vector<T>& values, DType type, std::span<const int64_t> dims,
                int device = 0) const {
    return upload(values.data(), type, dims, device);
  }
  // Makes a buffer of the memory at `data` itself where the plugin can (64-byte aligned, host memory), else
  // copies. `owner` keeps that memory until the plugin has done with it. Such a buffer is never updated in
  // place: donating it makes a copy.
  Buffer upload_without_copy(const void* data, std::shared_ptr<const void> owner, DType type,
                             std::span<const int64_t> dims, int device = 0) const;
  // Memory of the plugin's own, not filled yet: to receive into by host_pointer(). Donation works in place.
  Buffer allocate(DType type, std::span<const int64_t> dims, int device = 0) const;

 private:
  std::unique_ptr<PJRT_Client, ClientDeleter> client_;
  std::vector<PJRT_Device*> devices_;
};

}  // namespace cordata::runtime
