// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>

struct PJRT_Api;
struct PJRT_Error;
struct PJRT_Extension_Base;
struct XLA_FFI_CallFrame;
struct XLA_FFI_Error;

namespace cordata::runtime {

using FfiHandler = XLA_FFI_Error*(XLA_FFI_CallFrame*);

// A PJRT plugin: a shared object with GetPjrtApi. It stays loaded until the process ends, since XLA leaves
// threads and static state behind; so references to a Plugin never dangle.
class Plugin {
 public:
  // Loads the plugin at `path`, or gives the one loaded before. Throws a user error when it is no plugin.
  static const Plugin& load(const std::filesystem::path& path);

  const std::filesystem::path& path() const { return path_; }
  const PJRT_Api& api() const { return *api_; }
  std::string api_version() const;  // "0.115"

  // Throws an environment error with the plugin's words, frees `error`; does nothing for null.
  void check(PJRT_Error* error, std::string_view what) const {
    if (error) fail(error, what);
  }
  // Takes the words out of an error and frees it.
  std::string take_message(PJRT_Error* error) const;

  // Makes `handler` what stablehlo.custom_call @name (api_version = 4) runs on `platform`.
  void register_handler(std::string_view name, FfiHandler* handler, std::string_view platform = "Host") const;
  // The id under which handlers find user data of this name in their execution context.
  int64_t register_type(std::string_view name) const;

  // The extension of that number, null when the plugin has none.
  const PJRT_Extension_Base* extension(int type) const;

 private:
  explicit Plugin(const std::filesystem::path& path);
  [[noreturn]] void fail(PJRT_Error* error, std::string_view what) const;

  std::filesystem::path path_;
  const PJRT_Api* api_ = nullptr;
};

// The plugin to use: `flag` (--plugin) if not empty, else $CORDATA_PJRT_PLUGIN, else the CPU one that
// tools/setup unpacked. Throws a user error when that file doesn't exist.
std::filesystem::path plugin_path(const std::string& flag = "");

// ${CORDATA_DEPS:-${XDG_CACHE_HOME:-$HOME/.cache}/cordata/deps}
std::filesystem::path deps_directory();

}  // namespace cordata::runtime
