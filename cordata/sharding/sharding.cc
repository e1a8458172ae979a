// SPDX-License-Identifier: Apache-2.0
#include "cordata/sharding/sharding.h"

#include <fmt/ranges.h>

#include <algorithm>

namespace cordata::sharding {

namespace {

constexpr std::string_view kReduceNames[] = {"add", "max", "min", "mul", "and", "or"};

std::vector<int64_t> dim_shards(const ir::Type& type, const Sharding& s, const Mesh& mesh) {
  std::vector<int64_t> shards(type.shape.size(), 1);
  for (int a = 0; a < mesh.num_axes(); ++a) {
    if (s.at[a] >= 0) shards[s.at[a]] *= mesh.shape[a];
  }
  return shards;
}

std::string partial_text(const Sharding& s, const Mesh& mesh) {
  std::vector<std::string> parts;
  for (int a = 0; a < mesh.num_axes(); ++a) {
    if (!is_partial(s.at[a])) continue;
    parts.push_back(fmt::format("{}:{}", kReduceNames[static_cast<int>(reduce_kind(s.at[a]))], a));
  }
  return parts.empty() ? "" : fmt::format(" partial{{{}}}", fmt::join(parts, ", "));
}

}  // namespace

bool has_partial(const Sharding& s) { return std::ranges::any_of(s.at, is_partial); }

std::string to_string(const Sharding& s, const ir::Type& type, const Mesh& mesh) {
  std::vector<std::string> dims;
  for (int d = 0; d < type.rank(); ++d) {
    std::vector<int> axes;
    for (int a = 0; a < mesh.num_axes(); ++a) {
      if (s.at[a] == d) axes.push_back(a);
    }
    dims.push_back(fmt::format("{{{}}}", fmt::join(axes, ", ")));
  }
  return fmt::format("[{}]{}", fmt::join(dims, ", "), partial_text(s, mesh));
}

bool fits(const ir::Type& type, const Sharding& s, const Mesh& mesh) {
  for (int a = 0; a < kMaxAxes; ++a) {
    Placement p = s.at[a];
    if (p == kReplicated) continue;
    if (a >= mesh.num_axes() || !type.is_tensor() || p >= type.rank()) return false;
  }
  if (!type.is_tensor()) return true;
  std::vector<int64_t> shards = dim_shards(type, s, mesh);
  for (size_t d = 0; d < shards.size(); ++d) {
    if (shards[d] > 1 && (type.shape[d] == 0 || type.shape[d] % shards[d] != 0)) return false;
  }
  return true;
}

ir::Type local_type(const ir::Type& type, const Sharding& s, const Mesh& mesh) {
  if (!type.is_tensor()) return type;
  ir::Type local = type;
  std::vector<int64_t> shards = dim_shards(type, s, mesh);
  for (size_t d = 0; d < shards.size(); ++d) local.shape[d] /= shards[d];
  return local;
}

std::vector<int64_t> block_start(const ir::Type& type, const Sharding& s, const Mesh& mesh, int64_t device) {
  std::vector<int64_t> index(type.shape.size(), 0);
  for (int a = 0; a < mesh.num_axes(); ++a) {
    if (s.at[a] < 0) continue;
    index[s.at[a]] = index[s.at[a]] * mesh.shape[a] + mesh.coordinate(device, a);
  }
  ir::Type local = local_type(type, s, mesh);
  for (size_t d = 0; d < index.size(); ++d) index[d] *= local.shape[d];
  return index;
}

std::vector<Sharding> enumerate_shardings(const ir::Type& type, const Mesh& mesh, bool with_partial) {
  std::vector<Sharding> result{Sharding{}};
  if (!type.is_tensor()) return result;
  for (int a = 0; a < mesh.num_axes(); ++a) {
    if (mesh.shape[a] == 1) continue;
    std::vector<Sharding> longer;
    for (const Sharding& prefix : result) {
      auto extend = [&](Placement p) {
        Sharding s = prefix;
        s.at[a] = p;
        if (fits(type, s, mesh)) longer.push_back(s);
      };
      extend(kReplicated);
      for (int d = 0; d < type.rank(); ++d) extend(static_cast<Placement>(d));
      if (with_partial) extend(partial(ir::ReduceKind::kAdd));
    }
    result = std::move(longer);
  }
  return result;
}

}  // namespace cordata::sharding
