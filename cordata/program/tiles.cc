// SPDX-License-Identifier: Apache-2.0
#include "cordata/program/tiles.h"

#include <algorithm>
#include <map>

#include "cordata/base/error.h"

namespace cordata::program {

Box block(const ir::Type& type, const sharding::Sharding& s, const sharding::Mesh& mesh, int64_t device) {
  return {sharding::block_start(type, s, mesh, device), sharding::local_type(type, s, mesh).shape};
}

bool intersect(const Box& a, const Box& b, Box& out) {
  out = a;
  for (size_t d = 0; d < a.start.size(); ++d) {
    const int64_t start = std::max(a.start[d], b.start[d]);
    const int64_t end = std::min(a.start[d] + a.extent[d], b.start[d] + b.extent[d]);
    if (end <= start) return false;
    out.start[d] = start;
    out.extent[d] = end - start;
  }
  return true;
}

Box relative_to(const Box& box, const Box& origin) {
  Box out = box;
  for (size_t d = 0; d < box.start.size(); ++d) out.start[d] -= origin.start[d];
  return out;
}

std::vector<Tile> tiles(const ir::Type& type, const sharding::Sharding& from, const sharding::Mesh& from_mesh,
                        const sharding::Sharding& to, const sharding::Mesh& to_mesh) {
  if (sharding::has_partial(from) || sharding::has_partial(to))
    throw base::internal_error("[program.tiles] wanted whole values between stages, got a partial sum");
  std::map<std::vector<int64_t>, std::vector<int>> holders;  // by where the block starts
  for (int64_t d = 0; d < from_mesh.size(); ++d)
    holders[block(type, from, from_mesh, d).start].push_back(static_cast<int>(d));

  std::vector<Tile> out;
  for (int64_t d = 0; d < to_mesh.size(); ++d) {
    const Box wanted = block(type, to, to_mesh, d);
    for (const auto& [start, devices] : holders) {
      const int sender = devices[static_cast<size_t>(d) % devices.size()];
      const Box held = block(type, from, from_mesh, sender);
      Box shared;
      if (intersect(held, wanted, shared))
        out.push_back({sender, static_cast<int>(d), relative_to(shared, held), relative_to(shared, wanted)});
    }
  }
  return out;
}

}  // namespace cordata::program
