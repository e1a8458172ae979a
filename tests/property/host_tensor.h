// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "cordata/sharding/sharding.h"
#include "tests/property/draw.h"

namespace cordata::property {

// A tensor on the host, as doubles: two an element if it is complex.
struct HostTensor {
  Type type;
  std::vector<double> values;

  int parts() const { return ir::is_complex(type.dtype) ? 2 : 1; }
};

HostTensor random_tensor(Draw& d, const Type& type, const Range& range);
std::vector<std::byte> to_bytes(const HostTensor& t);
HostTensor from_bytes(const Type& type, const std::vector<std::byte>& bytes);

// What each device of a mesh holds of a tensor: its block; where an axis is partial, random summands of it.
std::vector<HostTensor> distribute(Draw& d, const HostTensor& whole, const sharding::Sharding& s,
                                   const sharding::Mesh& mesh);
// How the devices' parts differ from what they should be of `whole`, partial ones joined as the sharding
// says. Nothing if they don't.
std::optional<std::string> difference(const std::vector<HostTensor>& parts, const HostTensor& whole,
                                      const sharding::Sharding& s, const sharding::Mesh& mesh);

}  // namespace cordata::property
