// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "cordata/base/units.h"
#include "cordata/runtime/pjrt/buffer.h"

struct PJRT_ExecuteContext;
struct PJRT_LoadedExecutable;

namespace cordata::runtime {

// What one device needs to run an executable, as its compiler says. `peak` counts arguments, results that
// alias no argument, and temporaries (the plugin's own peak figure leaves the temporaries out).
struct MemoryStats {
  base::Bytes arguments, results, aliased, temporaries, peak;
};

struct CompiledCost {
  base::Flops flops;
  base::Bytes bytes_accessed;
};

struct ContextDeleter {
  const Plugin* plugin;
  void operator()(PJRT_ExecuteContext* context) const;
};

// Carries one pointer to the FFI handlers of the executions it is passed to.
class ExecuteContext {
 public:
  // `type_id` is what Plugin::register_type gave. `data` must outlive the executions.
  ExecuteContext(const Plugin& plugin, int64_t type_id, void* data);
  PJRT_ExecuteContext* get() const { return context_.get(); }

 private:
  std::unique_ptr<PJRT_ExecuteContext, ContextDeleter> context_;
};

struct ExecuteOptions {
  const ExecuteContext* context = nullptr;
  std::span<const int64_t> keep =
      {};  // indices of arguments not to donate, whatever the module's attributes say
};

struct Execution {
  std::vector<Buffer> results;
  Event done;  // carries the error of a computation that failed
};

struct ExecutableDeleter {
  const Plugin* plugin;
  void operator()(PJRT_LoadedExecutable* executable) const;
};

// A compiled module. Arguments that its text marks with tf.aliasing_output or jax.buffer_donor are donated:
// updated in place if the plugin owns their memory, deleted in any case.
class Executable {
 public:
  Executable() = default;
  Executable(const Plugin& plugin, PJRT_LoadedExecutable* executable);

  explicit operator bool() const { return executable_ != nullptr; }
  int num_results() const { return num_results_; }
  int num_devices() const { return num_devices_; }
  MemoryStats memory() const;
  std::optional<CompiledCost> cost() const;  // nothing where the plugin does not count

  // Runs on the one device it was compiled for. May return before the results are ready.
  Execution execute(std::span<const Buffer* const> arguments, const ExecuteOptions& options = {}) const;
  // Runs on all its devices at once: arguments[device][i], results by device.
  std::vector<Execution> execute_all(const std::vector<std::vector<const Buffer*>>& arguments) const;

 private:
  const Plugin& plugin() const { return *executable_.get_deleter().plugin; }

  std::unique_ptr<PJRT_LoadedExecutable, ExecutableDeleter> executable_{nullptr, ExecutableDeleter{nullptr}};
  int num_results_ = 0;
  int num_devices_ = 0;
};

}  // namespace cordata::runtime
