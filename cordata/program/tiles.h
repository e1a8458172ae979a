// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <vector>

#include "cordata/program/program.h"

namespace cordata::program {

// The block of a tensor that one device of a mesh holds, in global coordinates.
Box block(const ir::Type& type, const sharding::Sharding& s, const sharding::Mesh& mesh, int64_t device);
// The box both share, or nothing; and a box seen from another box's corner.
bool intersect(const Box& a, const Box& b, Box& out);
Box relative_to(const Box& box, const Box& origin);

// One message of a transfer between two meshes: a box that a device of the sending mesh holds and one of the
// receiving needs.
struct Tile {
  int from, to;                // devices, by index in their meshes
  Box at_sender, at_receiver;  // local coordinates
};

// A tensor in one sharding on one mesh becomes the same tensor in another sharding on another: source and
// destination blocks intersected; of devices that hold the same block, receivers take turns (arXiv
// 2211.05322, send/recv strategy).
std::vector<Tile> tiles(const ir::Type& type, const sharding::Sharding& from, const sharding::Mesh& from_mesh,
                        const sharding::Sharding& to, const sharding::Mesh& to_mesh);

}  // namespace cordata::program
