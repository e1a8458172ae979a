// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "cordata/sharding/reshard.h"

namespace cordata::sharding {

using base::Bytes;
using base::Seconds;

std::string_view name(CollectiveKind kind) {
  switch (kind) {
    case CollectiveKind::kAllReduce:
      return "all-reduce";
    case CollectiveKind::kReduceScatter:
      return "reduce-scatter";
    case CollectiveKind::kAllGather:
      return "all-gather";
    case CollectiveKind::kAllToAll:
      return "all-to-all";
    case CollectiveKind::kPermute:
      return "permute";
    case CollectiveKind::kSlice:
      return "slice";
    case CollectiveKind::kPartialize:
      return "partialize";
  }
  return "?";
}

bool is_local(CollectiveKind kind) {
  return kind == CollectiveKind::kSlice || kind == CollectiveKind::kPartialize;
}

namespace {

// Bytes of a tensor whose blocks along a dim lie in several pieces; blocks along the first lie in one each.
int64_t in_pieces(const ir::Type& type, int dim) {
  const auto end = type.shape.begin() + std::clamp<int64_t>(dim, 0, type.rank());
  return std::all_of(type.shape.begin(), end, [](int64_t n) { return n == 1; }) ? 0 : type.num_bytes();
}

}  // namespace

Packing packing(CollectiveKind kind, const ir::Type& before, const ir::Type& after, int dim, int from_dim) {
  switch (kind) {
    case CollectiveKind::kAllGather:
      return {in_pieces(after, dim), 0};
    case CollectiveKind::kReduceScatter:
      return {in_pieces(before, dim), 0};
    case CollectiveKind::kAllToAll:
      return {in_pieces(before, dim), in_pieces(after, from_dim)};
    default:
      return {};
  }
}

Seconds packing_seconds(const Packing& p, base::BytesPerSecond memory) {
  return memory.value > 0 ? Bytes(2.0 * static_cast<double>(p.packed + p.received)) / memory : Seconds(0);
}

namespace {

// One ring of n devices over links alike; `b` bytes as ReshardStep defines them. docs/collectives.md has the
// table. What is added up waits for nothing but its message.
Seconds ring(CollectiveKind kind, Bytes b, double n, const AxisLink& link, base::BytesPerSecond sums) {
  if (n <= 1) return Seconds(0);
  const Seconds adding = sums.value > 0 ? b * ((n - 1) / n) / sums : Seconds(0);
  switch (kind) {
    case CollectiveKind::kAllReduce:
      return 2 * (n - 1) * link.alpha + b * (2 * (n - 1) / n) / link.bandwidth + adding;
    case CollectiveKind::kReduceScatter:
      return (n - 1) * link.alpha + b * ((n - 1) / n) / link.bandwidth + adding;
    case CollectiveKind::kAllToAll:
      return (n - 1) * link.alpha + b * ((n - 1) / n) / link.bandwidth;
    case CollectiveKind::kAllGather:
      return (n - 1) * link.alpha + b * (n - 1) / link.bandwidth;
    case CollectiveKind::kPermute:
      return link.alpha + b / link.bandwidth;
    case CollectiveKind::kSlice:
    case CollectiveKind::kPartialize:
      return Seconds(0);
  }
  return Seconds(0);
}

AxisLink link_of(const Mesh& mesh, int axis) {
  return axis < static_cast<int>(mesh.links.size()) ? mesh.links[axis] : AxisLink{};
}

std::vector<int> axes_of(uint32_t axes, const Mesh& mesh) {
  std::vector<int> result;
  for (int a = 0; a < mesh.num_axes(); ++a) {
    if (axes >> a & 1 && mesh.shape[a] > 1) result.push_back(a);
  }
  return result;
}

// One flat ring over the whole group: every hop may be the slowest.
Seconds flat(CollectiveKind kind, Bytes bytes, const std::vector<int>& axes, const Mesh& mesh) {
  AxisLink slowest{Seconds(0), link_of(mesh, axes[0]).bandwidth};
  double n = 1;
  for (int a : axes) {
    AxisLink link = link_of(mesh, a);
    slowest.alpha = std::max(slowest.alpha, link.alpha);
    slowest.bandwidth = std::min(slowest.bandwidth, link.bandwidth);
    n *= static_cast<double>(mesh.shape[a]);
  }
  return ring(kind, bytes, n, slowest, mesh.sums);
}

// Axis after axis. A reduce-scatter starts at the major axis and shrinks; an all-gather starts at the minor
// one and grows; an all-reduce is a reduce-scatter inward and an all-gather back.
Seconds by_axis(CollectiveKind kind, Bytes bytes, const std::vector<int>& axes, const Mesh& mesh) {
  Seconds total{0};
  Bytes b = bytes;
  auto size = [&](int a) { return static_cast<double>(mesh.shape[a]); };
  if (kind != CollectiveKind::kAllGather) {
    for (int a : axes) {
      total += ring(CollectiveKind::kReduceScatter, b, size(a), link_of(mesh, a), mesh.sums);
      b = b / size(a);
    }
  }
  if (kind != CollectiveKind::kReduceScatter) {
    for (auto a = axes.rbegin(); a != axes.rend(); ++a) {
      total += ring(CollectiveKind::kAllGather, b, size(*a), link_of(mesh, *a), mesh.sums);
      b = b * size(*a);
    }
  }
  return total;
}

}  // namespace

Seconds collective_seconds(CollectiveKind kind, Bytes bytes, uint32_t axes, const Mesh& mesh) {
  std::vector<int> list = axes_of(axes, mesh);
  if (list.empty()) return Seconds(0);
  Seconds best = flat(kind, bytes, list, mesh);
  bool nests = kind == CollectiveKind::kAllReduce || kind == CollectiveKind::kReduceScatter ||
               kind == CollectiveKind::kAllGather;
  return nests && list.size() > 1 ? std::min(best, by_axis(kind, bytes, list, mesh)) : best;
}

}  // namespace cordata::sharding
