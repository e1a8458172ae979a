// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "cordata/ir/factor_rule.h"
#include "cordata/ir/type.h"
#include "cordata/sharding/mesh.h"

namespace cordata::sharding {

// What one mesh axis does to one tensor: nothing (replicated), shards dim d (>= 0), or leaves it partial
// (each device holds a summand; the tensor is their sum, max, ...).
using Placement = int8_t;
constexpr Placement kReplicated = -1;
constexpr Placement partial(ir::ReduceKind kind) {
  return static_cast<Placement>(-2 - static_cast<int>(kind));
}
constexpr bool is_partial(Placement p) { return p <= -2; }
constexpr ir::ReduceKind reduce_kind(Placement p) { return static_cast<ir::ReduceKind>(-2 - p); }

// The sharding of a tensor on a mesh: a placement for each axis. Several axes on one dim nest in axis order,
// the lowest axis major. Canonical: equal shardings compare equal. Axes past the mesh's are kReplicated.
struct Sharding {
  std::array<Placement, kMaxAxes> at{kReplicated, kReplicated, kReplicated, kReplicated};
  auto operator<=>(const Sharding&) const = default;
};

// One way to run an op: for each axis nothing (kNone: computed alike on all its devices), a factor of the
// op's rule (>= 0), or a linear set of the rule passed through as partial sums (linear(k)).
using AxisUse = int8_t;
constexpr AxisUse kNone = -1;
constexpr AxisUse linear(int set) { return static_cast<AxisUse>(-2 - set); }
constexpr bool is_linear(AxisUse u) { return u <= -2; }
constexpr int linear_set(AxisUse u) { return -2 - u; }

struct Strategy {
  std::array<AxisUse, kMaxAxes> use{kNone, kNone, kNone, kNone};
  auto operator<=>(const Strategy&) const = default;
};

bool has_partial(const Sharding& s);
std::string to_string(const Sharding& s, const ir::Type& type,
                      const Mesh& mesh);  // "[{0}, {}, {1}] partial{add:2}"
std::string to_string(const Strategy& s, const ir::FactorRule& rule, const Mesh& mesh);

// True when every sharded dim is divisible by the product of its axes.
bool fits(const ir::Type& type, const Sharding& s, const Mesh& mesh);
// The type one device holds. Precondition: fits.
ir::Type local_type(const ir::Type& type, const Sharding& s, const Mesh& mesh);
// The block one device holds: start (global indices) per dim, extents are local_type's. Partial tensors: the
// whole block.
std::vector<int64_t> block_start(const ir::Type& type, const Sharding& s, const Mesh& mesh, int64_t device);

// What a strategy asks of operands and makes of results.
Sharding operand_sharding(const ir::FactorRule& rule, const Strategy& s, int operand);
Sharding result_sharding(const ir::FactorRule& rule, const Strategy& s, int result);
// By factor: the number of shards it is cut into (1 = whole).
std::vector<int64_t> factor_shards(const ir::FactorRule& rule, const Strategy& s, const Mesh& mesh);

// All legal strategies of a rule on a mesh, the replicated one first: every factor divisible by its axes,
// compound dims sharded on their major-most factor only, no tensor with two uses of one axis. Deterministic
// order.
std::vector<Strategy> enumerate_strategies(const ir::FactorRule& rule, const Mesh& mesh);
// All shardings of a type on a mesh that fit; with partial sums when asked.
std::vector<Sharding> enumerate_shardings(const ir::Type& type, const Mesh& mesh, bool with_partial);

}  // namespace cordata::sharding
