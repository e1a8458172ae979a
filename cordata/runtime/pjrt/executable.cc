// SPDX-License-Identifier: Apache-2.0
#include "cordata/runtime/pjrt/executable.h"

#include <string_view>

#include "cordata/base/error.h"
#include "cordata/runtime/pjrt/call.h"
#include "cordata/runtime/pjrt/ffi_extension.h"

namespace cordata::runtime {
namespace {

// The inner handle that the C API's questions about an executable want.
class Inner {
 public:
  Inner(const Plugin& plugin, PJRT_LoadedExecutable* loaded) : plugin_(plugin) {
    auto args = pjrt::args<PJRT_LoadedExecutable_GetExecutable_Args>();
    args.loaded_executable = loaded;
    plugin.check(plugin.api().PJRT_LoadedExecutable_GetExecutable(&args), "look into an executable");
    executable_ = args.executable;
  }
  ~Inner() {
    auto args = pjrt::args<PJRT_Executable_Destroy_Args>();
    args.executable = executable_;
    if (PJRT_Error* error = plugin_.api().PJRT_Executable_Destroy(&args)) plugin_.take_message(error);
  }
  Inner(const Inner&) = delete;
  PJRT_Executable* get() const { return executable_; }

 private:
  const Plugin& plugin_;
  PJRT_Executable* executable_ = nullptr;
};

double number(const PJRT_NamedValue& value) {
  if (value.type == PJRT_NamedValue_kFloat) return value.float_value;
  if (value.type == PJRT_NamedValue_kInt64) return static_cast<double>(value.int64_value);
  return 0;
}

}  // namespace

void ContextDeleter::operator()(PJRT_ExecuteContext* context) const {
  auto args = pjrt::args<PJRT_ExecuteContext_Destroy_Args>();
  args.context = context;
  if (PJRT_Error* error = plugin->api().PJRT_ExecuteContext_Destroy(&args)) plugin->take_message(error);
}

ExecuteContext::ExecuteContext(const Plugin& plugin, int64_t type_id, void* data)
    : context_(nullptr, ContextDeleter{&plugin}) {
  auto create = pjrt::args<PJRT_ExecuteContext_Create_Args>();
  plugin.check(plugin.api().PJRT_ExecuteContext_Create(&create), "create an execute context");
  context_.reset(create.context);
  auto* extension = reinterpret_cast<const ffi::Extension*>(plugin.extension(PJRT_Extension_Type_FFI));
  if (!extension) throw base::environment_error("[runtime.pjrt] wanted a plugin with FFI, got one without");
  ffi::AddUserDataArgs add{sizeof(add), nullptr, create.context, type_id, data, nullptr};
  plugin.check(extension->add_user_data(&add), "hand data to FFI handlers");
}

void ExecutableDeleter::operator()(PJRT_LoadedExecutable* executable) const {
  auto args = pjrt::args<PJRT_LoadedExecutable_Destroy_Args>();
  args.executable = executable;
  if (PJRT_Error* error = plugin->api().PJRT_LoadedExecutable_Destroy(&args)) plugin->take_message(error);
}

Executable::Executable(const Plugin& plugin, PJRT_LoadedExecutable* executable)
    : executable_(executable, ExecutableDeleter{&plugin}) {
  auto devices = pjrt::args<PJRT_LoadedExecutable_AddressableDevices_Args>();
  devices.executable = executable;
  plugin.check(plugin.api().PJRT_LoadedExecutable_AddressableDevices(&devices),
               "list an executable's devices");
  num_devices_ = static_cast<int>(devices.num_addressable_devices);
  Inner inner(plugin, executable);
  auto outputs = pjrt::args<PJRT_Executable_NumOutputs_Args>();
  outputs.executable = inner.get();
  plugin.check(plugin.api().PJRT_Executable_NumOutputs(&outputs), "count an executable's results");
  num_results_ = static_cast<int>(outputs.num_outputs);
}

MemoryStats Executable::memory() const {
  Inner inner(plugin(), executable_.get());
  auto args = pjrt::args<PJRT_Executable_GetCompiledMemoryStats_Args>();
  args.executable = inner.get();
  plugin().check(plugin().api().PJRT_Executable_GetCompiledMemoryStats(&args), "ask an executable's memory");
  auto bytes = [](int64_t n) { return base::Bytes(static_cast<double>(n)); };
  MemoryStats stats{bytes(args.argument_size_in_bytes),
                    bytes(args.output_size_in_bytes),
                    bytes(args.alias_size_in_bytes),
                    bytes(args.temp_size_in_bytes),
                    {}};
  stats.peak = stats.arguments + stats.results - stats.aliased + stats.temporaries;
  return stats;
}

std::optional<CompiledCost> Executable::cost() const {
  Inner inner(plugin(), executable_.get());
  auto args = pjrt::args<PJRT_Executable_GetCostAnalysis_Args>();
  args.executable = inner.get();
  if (PJRT_Error* error = plugin().api().PJRT_Executable_GetCostAnalysis(&args)) {
    plugin().take_message(error);
    return std::nullopt;
  }
  CompiledCost cost;
  for (size_t i = 0; i < args.num_properties; ++i) {
    const PJRT_NamedValue& value = args.properties[i];
    std::string_view name(value.name, value.name_size);
    if (name == "flops") cost.flops = base::Flops(number(value));
    if (name == "bytes accessed") cost.bytes_accessed = base::Bytes(number(value));
  }
  return cost;
}

namespace {

// One call of Execute: flat lists that live for the call only.
struct Launch {
  std::vector<std::vector<PJRT_Buffer*>> arguments, results;
  std::vector<PJRT_Event*> events;

  void run(const Plugin& plugin, PJRT_LoadedExecutable* executable, const ExecuteOptions& chosen) {
    std::vector<PJRT_Buffer* const*> argument_lists;
    std::vector<PJRT_Buffer**> result_lists;
    for (auto& list : arguments) argument_lists.push_back(list.data());
    for (auto& list : results) result_lists.push_back(list.data());
    events.resize(arguments.size());
    auto options = pjrt::args<PJRT_ExecuteOptions>();
    options.context = chosen.context ? chosen.context->get() : nullptr;
    options.non_donatable_input_indices = chosen.keep.data();
    options.num_non_donatable_input_indices = chosen.keep.size();
    auto args = pjrt::args<PJRT_LoadedExecutable_Execute_Args>();
    args.executable = executable;
    args.options = &options;
    args.argument_lists = argument_lists.data();
    args.num_devices = arguments.size();
    args.num_args = arguments.front().size();
    args.output_lists = result_lists.data();
    args.device_complete_events = events.data();
    plugin.check(plugin.api().PJRT_LoadedExecutable_Execute(&args), "run a module");
  }

  Execution take(const Plugin& plugin, size_t device) {
    Execution execution{{}, Event(plugin, events[device])};
    for (PJRT_Buffer* buffer : results[device]) execution.results.emplace_back(plugin, buffer);
    return execution;
  }
};

std::vector<PJRT_Buffer*> handles(std::span<const Buffer* const> buffers) {
  std::vector<PJRT_Buffer*> list;
  for (const Buffer* buffer : buffers) list.push_back(buffer->get());
  return list;
}

}  // namespace

Execution Executable::execute(std::span<const Buffer* const> arguments, const ExecuteOptions& options) const {
  Launch launch;
  launch.arguments.push_back(handles(arguments));
  launch.results.assign(1, std::vector<PJRT_Buffer*>(num_results_));
  launch.run(plugin(), executable_.get(), options);
  return launch.take(plugin(), 0);
}

std::vector<Execution> Executable::execute_all(
    const std::vector<std::vector<const Buffer*>>& arguments) const {
  if (static_cast<int>(arguments.size()) != num_devices_) {
    throw base::internal_error("[runtime.pjrt] wanted arguments for {} devices, got {}", num_devices_,
                               arguments.size());
  }
  Launch launch;
  for (const auto& list : arguments) launch.arguments.push_back(handles(list));
  launch.results.assign(arguments.size(), std::vector<PJRT_Buffer*>(num_results_));
  launch.run(plugin(), executable_.get(), {});
  std::vector<Execution> executions;
  for (size_t device = 0; device < arguments.size(); ++device)
    executions.push_back(launch.take(plugin(), device));
  return executions;
}

}  // namespace cordata::runtime
