// SPDX-License-Identifier: Apache-2.0
#include "tests/simulate/sleeping_modules.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <xla/ffi/api/c_api.h>

#include <algorithm>
#include <cstring>
#include <mutex>
#include <thread>

namespace cordata::tests {
namespace {

// (scalar i32 of microseconds) -> the same, that much later.
XLA_FFI_Error* sleep_handler(XLA_FFI_CallFrame* frame) {
  const auto begin = std::chrono::steady_clock::now();
  if (frame->extension_start && frame->extension_start->type == XLA_FFI_Extension_Metadata) {
    auto* metadata = reinterpret_cast<XLA_FFI_Metadata_Extension*>(frame->extension_start)->metadata;
    metadata->api_version = {XLA_FFI_Api_Version_STRUCT_SIZE, nullptr, XLA_FFI_API_MAJOR, XLA_FFI_API_MINOR};
    metadata->traits = 0;
    metadata->state_type_id = XLA_FFI_TypeId{0};
    return nullptr;
  }
  if (frame->stage != XLA_FFI_ExecutionStage_EXECUTE) return nullptr;
  int32_t microseconds = 0;
  std::memcpy(&microseconds, static_cast<XLA_FFI_Buffer*>(frame->args.args[0])->data, sizeof microseconds);
  std::memcpy(static_cast<XLA_FFI_Buffer*>(frame->rets.rets[0])->data, &microseconds, sizeof microseconds);
  std::this_thread::sleep_until(begin + std::chrono::microseconds(microseconds));
  return nullptr;
}

}  // namespace

void make_sleep(program::ModuleText& module, std::chrono::microseconds duration) {
  std::vector<std::string> parameters, results, types;
  for (size_t i = 0; i < module.args.size(); ++i) {
    const std::string donated =
        module.alias[i] < 0 ? "" : fmt::format(" {{tf.aliasing_output = {} : i32}}", module.alias[i]);
    parameters.push_back(fmt::format("%a{}: {}{}", i, ir::to_string(module.args[i]), donated));
  }
  std::string body = fmt::format(
      "  %d = stablehlo.constant dense<{}> : tensor<i32>\n"
      "  %s = stablehlo.custom_call @cordata_test.sleep(%d) {{api_version = 4 : i32, has_side_effect = "
      "true}} : (tensor<i32>) -> tensor<i32>\n",
      duration.count());
  for (size_t r = 0; r < module.results.size(); ++r) {
    const auto given = std::find(module.alias.begin(), module.alias.end(), static_cast<int>(r));
    types.push_back(ir::to_string(module.results[r]));
    results.push_back(given == module.alias.end() ? fmt::format("%z{}", r)
                                                  : fmt::format("%a{}", given - module.alias.begin()));
    if (given == module.alias.end())
      body += fmt::format("  %z{} = stablehlo.constant dense<0.0> : {}\n", r, types.back());
  }
  module.text =
      fmt::format("func.func @main({}) -> ({}) {{\n{}  return {} : {}\n}}\n", fmt::join(parameters, ", "),
                  fmt::join(types, ", "), body, fmt::join(results, ", "), fmt::join(types, ", "));
}

void register_sleep(const runtime::Plugin& plugin) {
  static std::once_flag once;
  std::call_once(once, [&] { plugin.register_handler("cordata_test.sleep", sleep_handler); });
}

}  // namespace cordata::tests
