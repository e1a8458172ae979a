// SPDX-License-Identifier: Apache-2.0
#include "cordata/planner/intra_op/reshard_costs.h"

#include <algorithm>
#include <utility>

#include "cordata/planner/intra_op/problem.h"

namespace cordata::planner {
namespace {

constexpr int64_t kUnknown = -1;

int64_t search(const ir::Type& type, const sharding::Mesh& mesh, const sharding::Sharding& from,
               const sharding::Sharding& to) {
  if (from == to) return 0;
  const auto path = sharding::reshard_path(type, from, to, mesh);
  if (!path) return kInfinite;
  double seconds = 0;
  for (const auto& step : *path) seconds += step.seconds.value;
  return picoseconds(seconds);
}

}  // namespace

int ReshardCosts::number(const sharding::Sharding& s) {
  const auto [it, fresh] = numbers_.try_emplace(s, static_cast<int>(shardings_.size()));
  if (fresh) shardings_.push_back(s), costs_.emplace_back();
  return it->second;
}

int64_t ReshardCosts::cost(const ir::Type& type, const sharding::Mesh& mesh, int from, int to) {
  auto& row = costs_[from];
  if (row.size() < shardings_.size()) row.resize(shardings_.size(), kUnknown);
  if (row[to] == kUnknown) row[to] = search(type, mesh, shardings_[from], shardings_[to]);
  return row[to];
}

ReshardCosts& reshard_costs(const ir::Type& type, const sharding::Mesh& mesh) {
  constexpr size_t kMeshes = 16;
  using ByType = std::map<std::pair<ir::Shape, ir::DType>, ReshardCosts>;
  thread_local std::vector<std::pair<sharding::Mesh, ByType>> known;
  auto at = std::find_if(known.begin(), known.end(), [&](const auto& k) { return k.first == mesh; });
  if (at == known.end()) {
    if (known.size() == kMeshes) known.clear();
    known.emplace_back(mesh, ByType());
    at = known.end() - 1;
  }
  return at->second[{type.shape, type.dtype}];
}

}  // namespace cordata::planner
