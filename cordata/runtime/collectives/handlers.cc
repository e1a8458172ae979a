// SPDX-License-Identifier: Apache-2.0
#include "cordata/runtime/collectives/handlers.h"

#include <xla/ffi/api/c_api.h>

#include <map>
#include <mutex>
#include <string>

#include "cordata/base/error.h"

namespace cordata::runtime {
namespace {

XLA_FFI_TypeId context_type{0};

XLA_FFI_Error* make_error(const XLA_FFI_CallFrame& frame, const char* text) {
  XLA_FFI_Error_Create_Args args{};
  args.struct_size = XLA_FFI_Error_Create_Args_STRUCT_SIZE;
  args.message = text;
  args.errc = XLA_FFI_Error_Code_INTERNAL;
  return frame.api->XLA_FFI_Error_Create(&args);
}

// XLA asks for a handler's version and traits through an extension of the call frame.
bool answers_metadata(const XLA_FFI_CallFrame& frame) {
  auto* extension = frame.extension_start;
  if (!extension || extension->type != XLA_FFI_Extension_Metadata) return false;
  auto* metadata = reinterpret_cast<XLA_FFI_Metadata_Extension*>(extension)->metadata;
  metadata->api_version = {XLA_FFI_Api_Version_STRUCT_SIZE, nullptr, XLA_FFI_API_MAJOR, XLA_FFI_API_MINOR};
  metadata->traits = 0;
  metadata->state_type_id = XLA_FFI_TypeId{0};
  return true;
}

// What a handler reads of its call.
class Call {
 public:
  explicit Call(const XLA_FFI_CallFrame& frame) : frame_(frame) {
    XLA_FFI_ExecutionContext_Get_Args args{};
    args.struct_size = XLA_FFI_ExecutionContext_Get_Args_STRUCT_SIZE;
    args.ctx = frame.ctx;
    args.type_id = &context_type;
    if (XLA_FFI_Error* error = frame.api->XLA_FFI_ExecutionContext_Get(&args)) {
      XLA_FFI_Error_Destroy_Args destroy{XLA_FFI_Error_Destroy_Args_STRUCT_SIZE, nullptr, error};
      frame.api->XLA_FFI_Error_Destroy(&destroy);
      throw base::internal_error(
          "[runtime.collectives] a module with collectives was run without communicators");
    }
    context_ = static_cast<CollectiveContext*>(args.data);
  }

  TensorView in() const { return view(frame_.args.size, frame_.args.args); }
  TensorView out() const { return view(frame_.rets.size, frame_.rets.rets); }
  Scratch& scratch() const { return context_->scratch; }

  Communicator& comm() const {
    const int64_t index = integer("comm");
    auto& all = context_->communicators;
    if (index < 0 || index >= static_cast<int64_t>(all.size()) || !all[index]) {
      throw base::internal_error("[runtime.collectives] communicator {} of {} has no such member", index,
                                 all.size());
    }
    return *all[index];
  }
  int64_t integer(std::string_view name) const {
    auto* scalar = static_cast<XLA_FFI_Scalar*>(attribute(name, XLA_FFI_AttrType_SCALAR));
    if (scalar->dtype != XLA_FFI_DataType_S64) throw wrong(name);
    return *static_cast<int64_t*>(scalar->value);
  }
  Reduce reduce() const {
    auto* text = static_cast<XLA_FFI_ByteSpan*>(attribute("reduce", XLA_FFI_AttrType_STRING));
    return parse_reduce({text->ptr, text->len});
  }
  std::vector<std::pair<int, int>> pairs() const {
    auto* array = static_cast<XLA_FFI_Array*>(attribute("pairs", XLA_FFI_AttrType_ARRAY));
    if (array->dtype != XLA_FFI_DataType_S64 || array->size % 2) throw wrong("pairs");
    auto* values = static_cast<int64_t*>(array->data);
    std::vector<std::pair<int, int>> pairs;
    for (size_t i = 0; i < array->size; i += 2) pairs.emplace_back(values[i], values[i + 1]);
    return pairs;
  }

 private:
  static base::Error wrong(std::string_view name) {
    return base::internal_error("[runtime.collectives] wanted attribute {} in backend_config", name);
  }
  void* attribute(std::string_view name, XLA_FFI_AttrType type) const {
    for (int64_t i = 0; i < frame_.attrs.size; ++i) {
      const XLA_FFI_ByteSpan& found = *frame_.attrs.names[i];
      if (std::string_view(found.ptr, found.len) == name && frame_.attrs.types[i] == type)
        return frame_.attrs.attrs[i];
    }
    throw wrong(name);
  }
  // The tensor among the buffers; the other is the token.
  static TensorView view(int64_t count, void** buffers) {
    for (int64_t i = 0; i < count; ++i) {
      auto* buffer = static_cast<XLA_FFI_Buffer*>(buffers[i]);
      if (buffer->dtype == XLA_FFI_DataType_TOKEN) continue;
      return {buffer->data, from_ffi_type(buffer->dtype), {buffer->dims, static_cast<size_t>(buffer->rank)}};
    }
    throw base::internal_error("[runtime.collectives] wanted a tensor, got a token only");
  }

  const XLA_FFI_CallFrame& frame_;
  CollectiveContext* context_;
};

int64_t elements(const TensorView& tensor) {
  int64_t n = 1;
  for (int64_t d : tensor.dims) n *= d;
  return n;
}

void run_all_reduce(const Call& call) {
  call.comm().all_reduce(call.in().data, call.out().data, elements(call.in()), call.in().type, call.reduce());
}
void run_all_gather(const Call& call) {
  all_gather(call.comm(), call.in(), call.out(), call.integer("dim"), call.scratch());
}
void run_reduce_scatter(const Call& call) {
  reduce_scatter(call.comm(), call.in(), call.out(), call.integer("dim"), call.reduce(), call.scratch());
}
void run_all_to_all(const Call& call) {
  all_to_all(call.comm(), call.in(), call.out(), call.integer("split_dim"), call.integer("concat_dim"),
             call.scratch());
}
void run_collective_permute(const Call& call) {
  const auto pairs = call.pairs();
  call.comm().permute(call.in().data, call.out().data, elements(call.in()) * element_bytes(call.in().type),
                      pairs);
}

// Exceptions must not pass through XLA.
template <void (*run)(const Call&)>
XLA_FFI_Error* handler(XLA_FFI_CallFrame* frame) {
  if (answers_metadata(*frame) || frame->stage != XLA_FFI_ExecutionStage_EXECUTE) return nullptr;
  try {
    run(Call(*frame));
    return nullptr;
  } catch (const std::exception& error) {
    return make_error(*frame, error.what());
  }
}

}  // namespace

int64_t register_collectives(const Plugin& plugin) {
  static std::mutex mutex;
  static std::map<const Plugin*, int64_t> types;
  std::lock_guard lock(mutex);
  auto [slot, is_new] = types.try_emplace(&plugin, 0);
  if (!is_new) return slot->second;
  plugin.register_handler("cordata.all_reduce", handler<run_all_reduce>);
  plugin.register_handler("cordata.all_gather", handler<run_all_gather>);
  plugin.register_handler("cordata.reduce_scatter", handler<run_reduce_scatter>);
  plugin.register_handler("cordata.all_to_all", handler<run_all_to_all>);
  plugin.register_handler("cordata.permute", handler<run_collective_permute>);
  context_type.type_id = slot->second = plugin.register_type("cordata.CollectiveContext");
  return slot->second;
}

}  // namespace cordata::runtime
