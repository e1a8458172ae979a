// SPDX-License-Identifier: Apache-2.0
#include "cordata/ir/op_kind.h"

#include <array>
#include <unordered_map>

namespace cordata::ir {
namespace {

constexpr std::array<std::string_view, kNumOpKinds> kNames = {
#define CORDATA_OP(kind, text) text,
    CORDATA_OPS(CORDATA_OP)
#undef CORDATA_OP
};

}  // namespace

std::string_view name(OpKind kind) { return kNames[static_cast<size_t>(kind)]; }

std::optional<OpKind> op_kind(std::string_view full_name) {
  static const std::unordered_map<std::string_view, OpKind> kinds = [] {
    std::unordered_map<std::string_view, OpKind> map;
    for (size_t i = 0; i < kNames.size(); ++i) map.emplace(kNames[i], static_cast<OpKind>(i));
    return map;
  }();
  auto it = kinds.find(full_name);
  if (it == kinds.end()) return std::nullopt;
  return it->second;
}

}  // namespace cordata::ir
