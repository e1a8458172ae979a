// SPDX-License-Identifier: Apache-2.0
#include "cordata/runtime/pjrt/client.h"

#include <cstdlib>

#include "cordata/base/error.h"
#include "cordata/runtime/pjrt/call.h"
#include "cordata/runtime/pjrt/compiler_faults.h"

namespace cordata::runtime {
namespace {

PJRT_NamedValue named(std::string_view name, PJRT_NamedValue_Type type) {
  auto value = pjrt::args<PJRT_NamedValue>();
  value.name = name.data();
  value.name_size = name.size();
  value.type = type;
  value.value_size = 1;
  return value;
}

bool is_cpu_plugin(const Plugin& plugin) {
  // A CPU plugin knows no topology without a client, accelerators' create options differ, and asking a
  // client's platform needs the client: so the file's name decides which options are sent.
  return plugin.path().filename().string().find("cpu") != std::string::npos;
}

// Only the CPU plugins know these options; others refuse unknown ones.
std::vector<PJRT_NamedValue> create_options(const ClientOptions& options) {
  auto devices = named("cpu_device_count", PJRT_NamedValue_kInt64);
  devices.int64_value = options.devices;
  auto asynchronous = named("asynchronous", PJRT_NamedValue_kBool);
  asynchronous.bool_value = options.asynchronous;
  return {devices, asynchronous};
}

void append_varint(std::string& to, uint64_t value) {
  for (; value >= 0x80; value >>= 7) to.push_back(static_cast<char>(value | 0x80));
  to.push_back(static_cast<char>(value));
}

void append_field(std::string& to, int field, uint64_t value) {
  append_varint(to, static_cast<uint64_t>(field) << 3);
  append_varint(to, value);
}

// CompileOptionsProto, by hand: field 3 executable_build_options { 1 device_ordinal, 4 num_replicas,
// 5 num_partitions }. With several devices the ordinal stays unset.
std::string encode_compile_options(int replicas) {
  std::string build;
  if (replicas == 1) append_field(build, 1, 0);
  append_field(build, 4, static_cast<uint64_t>(replicas));
  append_field(build, 5, 1);
  std::string proto;
  append_varint(proto, (3 << 3) | 2);
  append_varint(proto, build.size());
  return proto + build;
}

PJRT_DeviceDescription* description(const Plugin& plugin, PJRT_Device* device) {
  auto args = pjrt::args<PJRT_Device_GetDescription_Args>();
  args.device = device;
  plugin.check(plugin.api().PJRT_Device_GetDescription(&args), "describe a device");
  return args.device_description;
}

struct Uploaded {
  PJRT_Buffer* buffer;
  PJRT_Event* done_with_host;
};

Uploaded upload_from(const Plugin& plugin, PJRT_Client* client, PJRT_Device* device, const void* data,
                     DType type, std::span<const int64_t> dims, PJRT_HostBufferSemantics semantics) {
  auto args = pjrt::args<PJRT_Client_BufferFromHostBuffer_Args>();
  args.client = client;
  args.data = data;
  args.type = static_cast<PJRT_Buffer_Type>(pjrt_type(type));
  args.dims = dims.data();
  args.num_dims = dims.size();
  args.host_buffer_semantics = semantics;
  args.device = device;
  plugin.check(plugin.api().PJRT_Client_BufferFromHostBuffer(&args), "copy a tensor to a device");
  return {args.buffer, args.done_with_host_buffer};
}

}  // namespace

void ClientDeleter::operator()(PJRT_Client* client) const {
  auto args = pjrt::args<PJRT_Client_Destroy_Args>();
  args.client = client;
  if (PJRT_Error* error = plugin->api().PJRT_Client_Destroy(&args)) plugin->take_message(error);
}

Client::Client(const Plugin& plugin, const ClientOptions& options)
    : client_(nullptr, ClientDeleter{&plugin}) {
  // The CPU plugin reads its pool size from the environment, and only when it makes fewer devices than
  // threads.
  if (options.threads > 0) setenv("NPROC", std::to_string(options.threads).c_str(), 1);
  std::vector<PJRT_NamedValue> named_options;
  if (is_cpu_plugin(plugin)) named_options = create_options(options);
  auto create = pjrt::args<PJRT_Client_Create_Args>();
  create.create_options = named_options.data();
  create.num_options = named_options.size();
  plugin.check(plugin.api().PJRT_Client_Create(&create), "create a client of " + plugin.path().string());
  client_.reset(create.client);
  auto devices = pjrt::args<PJRT_Client_AddressableDevices_Args>();
  devices.client = client_.get();
  plugin.check(plugin.api().PJRT_Client_AddressableDevices(&devices), "list devices");
  devices_.assign(devices.addressable_devices, devices.addressable_devices + devices.num_addressable_devices);
}

std::string Client::platform() const {
  auto args = pjrt::args<PJRT_Client_PlatformName_Args>();
  args.client = client_.get();
  plugin().check(plugin().api().PJRT_Client_PlatformName(&args), "ask the platform's name");
  return std::string(args.platform_name, args.platform_name_size);
}

DeviceInfo Client::device(int index) const {
  auto kind = pjrt::args<PJRT_DeviceDescription_Kind_Args>();
  kind.device_description = description(plugin(), devices_.at(index));
  plugin().check(plugin().api().PJRT_DeviceDescription_Kind(&kind), "ask a device's kind");
  DeviceInfo info{std::string(kind.device_kind, kind.device_kind_size), std::nullopt};
  auto stats = pjrt::args<PJRT_Device_MemoryStats_Args>();
  stats.device = devices_.at(index);
  if (PJRT_Error* error = plugin().api().PJRT_Device_MemoryStats(&stats)) {
    plugin().take_message(error);  // CPU plugins don't keep these figures
  } else if (stats.bytes_limit_is_set) {
    info.memory = base::Bytes(static_cast<double>(stats.bytes_limit));
  }
  return info;
}

Executable Client::compile(std::string_view mlir, int replicas) const {
  constexpr std::string_view kFormat = "mlir";
  std::string text = is_cpu_plugin(plugin()) ? around_compiler_faults(mlir) : std::string(mlir);
  std::string encoded = encode_compile_options(replicas);
  auto program = pjrt::args<PJRT_Program>();
  program.code = text.data();
  program.code_size = text.size();
  program.format = kFormat.data();
  program.format_size = kFormat.size();
  auto args = pjrt::args<PJRT_Client_Compile_Args>();
  args.client = client_.get();
  args.program = &program;
  args.compile_options = encoded.data();
  args.compile_options_size = encoded.size();
  plugin().check(plugin().api().PJRT_Client_Compile(&args), "compile a module");
  return Executable(plugin(), args.executable);
}

Buffer Client::upload(const void* data, DType type, std::span<const int64_t> dims, int device) const {
  auto [buffer, done] = upload_from(plugin(), client_.get(), devices_.at(device), data, type, dims,
                                    PJRT_HostBufferSemantics_kImmutableOnlyDuringCall);
  Event(plugin(), done);  // freed at once: the semantics promise that the copy was made during the call
  return Buffer(plugin(), buffer);
}

Buffer Client::upload_without_copy(const void* data, std::shared_ptr<const void> owner, DType type,
                                   std::span<const int64_t> dims, int device) const {
  auto [buffer, done] = upload_from(plugin(), client_.get(), devices_.at(device), data, type, dims,
                                    PJRT_HostBufferSemantics_kImmutableZeroCopy);
  Buffer result(plugin(), buffer);
  // The event comes only after an aliasing buffer is destroyed, so nobody may wait for it here.
  Event(plugin(), done).on_ready([owner](const std::string&) {});
  return result;
}

Buffer Client::allocate(DType type, std::span<const int64_t> dims, int device) const {
  auto args = pjrt::args<PJRT_Client_CreateUninitializedBuffer_Args>();
  args.client = client_.get();
  args.shape_dims = dims.data();
  args.shape_num_dims = dims.size();
  args.shape_element_type = static_cast<PJRT_Buffer_Type>(pjrt_type(type));
  args.device = devices_.at(device);
  plugin().check(plugin().api().PJRT_Client_CreateUninitializedBuffer(&args), "allocate a buffer");
  return Buffer(plugin(), args.buffer);
}

}  // namespace cordata::runtime
