// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <compare>
#include <cstdint>
#include <functional>

namespace cordata::base {

// An index into one arena. The tag keeps a stage's number from being passed for a device's.
template <typename Tag>
struct Id {
  int32_t index = -1;

  constexpr Id() = default;
  constexpr explicit Id(int64_t i) : index(static_cast<int32_t>(i)) {}
  constexpr bool valid() const { return index >= 0; }
  constexpr auto operator<=>(const Id&) const = default;
};

}  // namespace cordata::base

template <typename Tag>
struct std::hash<cordata::base::Id<Tag>> {
  size_t operator()(cordata::base::Id<Tag> id) const { return std::hash<int32_t>()(id.index); }
};
