// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <pjrt_c_api.h>

// The FFI extension of the PJRT C API (extension type 5), which the published header leaves out. Layouts
// checked against plugins of API 0.106 and 0.115.
namespace cordata::runtime::ffi {

struct TypeInfo {
  void (*deleter)(void*);
  void* serialize;
  void* deserialize;
};

struct RegisterTypeArgs {
  size_t struct_size;
  PJRT_Extension_Base* extension_start;
  const char* name;
  size_t name_size;
  int64_t type_id;  // in: 0 asks for a new one; out
  TypeInfo* info;
};

struct AddUserDataArgs {
  size_t struct_size;
  PJRT_Extension_Base* extension_start;
  PJRT_ExecuteContext* context;
  int64_t type_id;
  void* data;
  void (*deleter)(void*);  // older plugins call it; newer ones don't read it
};

struct RegisterHandlerArgs {
  size_t struct_size;
  const char* name;
  size_t name_size;
  void* handler;
  const char* platform;
  size_t platform_size;
  int traits;
};

struct Extension {
  PJRT_Extension_Base base;
  PJRT_Error* (*register_type)(RegisterTypeArgs*);
  PJRT_Error* (*add_user_data)(AddUserDataArgs*);
  PJRT_Error* (*register_handler)(RegisterHandlerArgs*);
};

}  // namespace cordata::runtime::ffi
