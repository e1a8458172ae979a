// SPDX-License-Identifier: Apache-2.0
#include "cordata/runtime/pjrt/buffer.h"

#include <cstring>

#include "cordata/base/error.h"
#include "cordata/runtime/pjrt/call.h"

namespace cordata::runtime {
namespace {

template <typename Args>
Args buffer_args(const Buffer& buffer) {
  auto args = pjrt::args<Args>();
  args.buffer = buffer.get();
  return args;
}

}  // namespace

void BufferDeleter::operator()(PJRT_Buffer* buffer) const {
  auto args = pjrt::args<PJRT_Buffer_Destroy_Args>();
  args.buffer = buffer;
  if (PJRT_Error* error = plugin->api().PJRT_Buffer_Destroy(&args)) plugin->take_message(error);
}

DType Buffer::type() const {
  auto args = buffer_args<PJRT_Buffer_ElementType_Args>(*this);
  plugin().check(plugin().api().PJRT_Buffer_ElementType(&args), "ask a buffer's element type");
  return from_pjrt_type(args.type);
}

std::vector<int64_t> Buffer::dims() const {
  auto args = buffer_args<PJRT_Buffer_Dimensions_Args>(*this);
  plugin().check(plugin().api().PJRT_Buffer_Dimensions(&args), "ask a buffer's shape");
  return {args.dims, args.dims + args.num_dims};
}

int64_t Buffer::num_bytes() const {
  int64_t bytes = element_bytes(type());
  for (int64_t dim : dims()) bytes *= dim;
  return bytes;
}

Event Buffer::ready_event() const {
  auto args = buffer_args<PJRT_Buffer_ReadyEvent_Args>(*this);
  plugin().check(plugin().api().PJRT_Buffer_ReadyEvent(&args), "watch a buffer");
  return Event(plugin(), args.event);
}

bool Buffer::deleted() const {
  auto args = buffer_args<PJRT_Buffer_IsDeleted_Args>(*this);
  plugin().check(plugin().api().PJRT_Buffer_IsDeleted(&args), "ask whether a buffer is deleted");
  return args.is_deleted;
}

bool Buffer::host_visible() const {
  auto args = buffer_args<PJRT_Buffer_IsOnCpu_Args>(*this);
  plugin().check(plugin().api().PJRT_Buffer_IsOnCpu(&args), "ask where a buffer is");
  return args.is_on_cpu;
}

std::byte* Buffer::host_pointer() const {
  if (!host_visible())
    throw base::environment_error("[runtime.pjrt] wanted a buffer in host memory, got a device's");
  auto args = buffer_args<PJRT_Buffer_UnsafePointer_Args>(*this);
  plugin().check(plugin().api().PJRT_Buffer_UnsafePointer(&args), "get a buffer's address");
  return reinterpret_cast<std::byte*>(args.buffer_pointer);
}

void Buffer::download(std::span<std::byte> to, Deadline deadline) const {
  if (static_cast<int64_t>(to.size()) != num_bytes()) {
    throw base::internal_error("[runtime.pjrt] wanted {} bytes to download into, got {}", num_bytes(),
                               to.size());
  }
  if (host_visible()) {
    await(deadline);
    std::memcpy(to.data(), host_pointer(), to.size());
    return;
  }
  // A device may keep its own tiling; ask for the dense row-major one.
  std::vector<int64_t> order;
  for (int64_t i = static_cast<int64_t>(dims().size()) - 1; i >= 0; --i) order.push_back(i);
  auto layout = pjrt::args<PJRT_Buffer_MemoryLayout>();
  layout.type = PJRT_Buffer_MemoryLayout_Type_Tiled;
  layout.tiled.struct_size = sizeof(layout.tiled);
  layout.tiled.minor_to_major = order.data();
  layout.tiled.minor_to_major_size = order.size();
  auto args = pjrt::args<PJRT_Buffer_ToHostBuffer_Args>();
  args.src = get();
  args.host_layout = &layout;
  args.dst = to.data();
  args.dst_size = to.size();
  plugin().check(plugin().api().PJRT_Buffer_ToHostBuffer(&args), "copy a buffer to the host");
  Event(plugin(), args.event).await(deadline, "copy a buffer to the host");
}

}  // namespace cordata::runtime
