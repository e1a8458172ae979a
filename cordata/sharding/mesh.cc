// SPDX-License-Identifier: Apache-2.0
#include "cordata/sharding/mesh.h"

#include <fmt/ranges.h>

namespace cordata::sharding {

int64_t Mesh::size() const {
  int64_t n = 1;
  for (int64_t s : shape) n *= s;
  return n;
}

int64_t Mesh::coordinate(int64_t index, int axis) const {
  for (int a = num_axes() - 1; a > axis; --a) index /= shape[a];
  return index % shape[axis];
}

std::vector<std::vector<int>> Mesh::groups(uint32_t axes) const {
  // Devices in index order fall into their group, named by the coordinates on the other axes, in row-major
  // order.
  std::vector<std::vector<int>> result;
  std::vector<int> group_of(size(), -1);
  for (int64_t device = 0; device < size(); ++device) {
    int64_t others = 0;
    for (int a = 0; a < num_axes(); ++a) {
      if (!(axes >> a & 1)) others = others * shape[a] + coordinate(device, a);
    }
    if (group_of[others] < 0) {
      group_of[others] = static_cast<int>(result.size());
      result.emplace_back();
    }
    result[group_of[others]].push_back(static_cast<int>(device));
  }
  return result;
}

std::string to_string(const Mesh& mesh) {
  return mesh.shape.empty() ? "1" : fmt::format("{}", fmt::join(mesh.shape, "x"));
}

}  // namespace cordata::sharding
