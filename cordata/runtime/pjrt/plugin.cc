// SPDX-License-Identifier: Apache-2.0
#include "cordata/runtime/pjrt/plugin.h"

#include <dlfcn.h>
#include <pjrt_c_api.h>

#include <cstdlib>
#include <map>
#include <memory>
#include <mutex>

#include "cordata/base/error.h"
#include "cordata/runtime/pjrt/call.h"
#include "cordata/runtime/pjrt/ffi_extension.h"

namespace cordata::runtime {
namespace {

const PJRT_Api* open_plugin(const std::filesystem::path& path) {
  constexpr auto kTry = "try --plugin PATH with a PJRT plugin, or tools/setup for the default one";
  void* library = dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (!library) throw base::user_error("[runtime.plugin] wanted a PJRT plugin, got {}; {}", dlerror(), kTry);
  auto get_api = reinterpret_cast<const PJRT_Api* (*)()>(dlsym(library, "GetPjrtApi"));
  if (!get_api) {
    throw base::user_error("[runtime.plugin] wanted a PJRT plugin, got {}, which has no GetPjrtApi; {}",
                           path.string(), kTry);
  }
  const PJRT_Api* api = get_api();
  if (!api || api->pjrt_api_version.major_version != PJRT_API_MAJOR) {
    throw base::user_error("[runtime.plugin] wanted PJRT API {}.x, got {} in {}", PJRT_API_MAJOR,
                           api ? api->pjrt_api_version.major_version : -1, path.string());
  }
  return api;
}

const ffi::Extension& ffi_extension(const Plugin& plugin) {
  auto* found = reinterpret_cast<const ffi::Extension*>(plugin.extension(PJRT_Extension_Type_FFI));
  if (!found || found->base.struct_size < sizeof(ffi::Extension)) {
    throw base::environment_error(
        "[runtime.plugin] wanted a plugin that takes FFI handlers, got {} without one",
        plugin.path().string());
  }
  return *found;
}

std::filesystem::path environment_path(const char* name) {
  const char* value = std::getenv(name);
  return value ? value : "";
}

}  // namespace

const Plugin& Plugin::load(const std::filesystem::path& path) {
  static std::mutex mutex;
  static auto& loaded = *new std::map<std::filesystem::path, std::unique_ptr<Plugin>>;
  std::lock_guard lock(mutex);
  auto& slot = loaded[std::filesystem::absolute(path)];
  if (!slot) slot.reset(new Plugin(path));
  return *slot;
}

Plugin::Plugin(const std::filesystem::path& path) : path_(path) {
  setenv("TF_CPP_MIN_LOG_LEVEL", "3", 0);  // what XLA would log of errors comes back as errors
  api_ = open_plugin(path);
  auto args = pjrt::args<PJRT_Plugin_Initialize_Args>();
  check(api_->PJRT_Plugin_Initialize(&args), "initialise the plugin");
}

std::string Plugin::api_version() const {
  return fmt::format("{}.{}", api_->pjrt_api_version.major_version, api_->pjrt_api_version.minor_version);
}

std::string Plugin::take_message(PJRT_Error* error) const {
  auto message = pjrt::args<PJRT_Error_Message_Args>();
  message.error = error;
  api_->PJRT_Error_Message(&message);
  std::string text(message.message, message.message_size);
  auto destroy = pjrt::args<PJRT_Error_Destroy_Args>();
  destroy.error = error;
  api_->PJRT_Error_Destroy(&destroy);
  return text;
}

void Plugin::fail(PJRT_Error* error, std::string_view what) const {
  throw base::environment_error("[runtime.pjrt] could not {}: {}", what, take_message(error));
}

const PJRT_Extension_Base* Plugin::extension(int type) const {
  for (const PJRT_Extension_Base* e = api_->extension_start; e; e = e->next) {
    if (static_cast<int>(e->type) == type) return e;
  }
  return nullptr;
}

void Plugin::register_handler(std::string_view name, FfiHandler* handler, std::string_view platform) const {
  ffi::RegisterHandlerArgs args{sizeof(args),
                                name.data(),
                                name.size(),
                                reinterpret_cast<void*>(handler),
                                platform.data(),
                                platform.size(),
                                0};
  check(ffi_extension(*this).register_handler(&args), "register an FFI handler");
}

int64_t Plugin::register_type(std::string_view name) const {
  ffi::TypeInfo info{};
  ffi::RegisterTypeArgs args{sizeof(args), nullptr, name.data(), name.size(), 0, &info};
  check(ffi_extension(*this).register_type(&args), "register an FFI type");
  return args.type_id;
}

std::filesystem::path deps_directory() {
  if (auto deps = environment_path("CORDATA_DEPS"); !deps.empty()) return deps;
  if (auto cache = environment_path("XDG_CACHE_HOME"); !cache.empty()) return cache / "cordata/deps";
  return environment_path("HOME") / ".cache/cordata/deps";
}

std::filesystem::path plugin_path(const std::string& flag) {
  std::filesystem::path path = flag;
  if (path.empty()) path = environment_path("CORDATA_PJRT_PLUGIN");
  const bool chosen = !path.empty();
  if (!chosen) path = deps_directory() / "plugin/pjrt_cpu.so";
  if (!std::filesystem::exists(path)) {
    throw base::user_error("[runtime.plugin] wanted a PJRT plugin, got {}, which does not exist; try {}",
                           path.string(),
                           chosen ? "another --plugin PATH" : "tools/setup, which installs the default one");
  }
  return path;
}

}  // namespace cordata::runtime
