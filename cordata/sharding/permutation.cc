// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <bit>

#include "cordata/sharding/reshard.h"

namespace cordata::sharding {

namespace {

// Which block of each dim, and (last) which summand, a device holds: mixed-radix numbers over the axes placed
// there.
struct Blocks {
  std::vector<int64_t> counts;              // by dim, then of summands
  std::vector<std::vector<int64_t>> index;  // by device; empty until filled

  Blocks(int64_t rank, const Sharding& s, const Mesh& mesh) : counts(rank + 1, 1) {
    for (int a = 0; a < mesh.num_axes(); ++a) {
      if (s.at[a] != kReplicated) counts[slot(s.at[a])] *= mesh.shape[a];
    }
  }
  size_t slot(Placement p) const { return is_partial(p) ? counts.size() - 1 : p; }
  void fill(const Sharding& s, const Mesh& mesh) {
    index.assign(mesh.size(), std::vector<int64_t>(counts.size(), 0));
    for (int a = 0; a < mesh.num_axes(); ++a) {
      if (s.at[a] == kReplicated) continue;
      for (int64_t device = 0; device < mesh.size(); ++device) {
        int64_t& i = index[device][slot(s.at[a])];
        i = i * mesh.shape[a] + mesh.coordinate(device, a);
      }
    }
  }
};

bool refines(const Blocks& from, const Blocks& to) {
  for (size_t d = 0; d < from.counts.size(); ++d) {
    bool summands = d + 1 == from.counts.size();
    if (summands ? to.counts[d] != from.counts[d] : to.counts[d] % from.counts[d] != 0) return false;
  }
  return true;
}

bool holds(const Blocks& from, int source, const Blocks& to, int target) {
  for (size_t d = 0; d < from.counts.size(); ++d) {
    if (from.index[source][d] != to.index[target][d] / (to.counts[d] / from.counts[d])) return false;
  }
  return true;
}

// Pairs up the positions of one group: each its own block if it will do, else the first free one that holds
// it.
std::optional<std::vector<std::pair<int, int>>> match(const std::vector<int>& group, const Blocks& from,
                                                      const Blocks& to) {
  int n = static_cast<int>(group.size());
  std::vector<int> source(n, -1);
  std::vector<bool> taken(n, false);
  for (int t = 0; t < n; ++t) {
    if (holds(from, group[t], to, group[t])) {
      source[t] = t;
      taken[t] = true;
    }
  }
  for (int t = 0; t < n; ++t) {
    for (int s = 0; s < n && source[t] < 0; ++s) {
      if (taken[s] || !holds(from, group[s], to, group[t])) continue;
      source[t] = s;
      taken[s] = true;
    }
    if (source[t] < 0) return std::nullopt;
  }
  std::vector<std::pair<int, int>> pairs;
  for (int t = 0; t < n; ++t) pairs.emplace_back(source[t], t);
  return pairs;
}

bool works_everywhere(const std::vector<std::vector<int>>& groups,
                      const std::vector<std::pair<int, int>>& pairs, const Blocks& from, const Blocks& to) {
  return std::ranges::all_of(groups, [&](const std::vector<int>& group) {
    return std::ranges::all_of(pairs,
                               [&](auto p) { return holds(from, group[p.first], to, group[p.second]); });
  });
}

bool same_partial_kind(const Sharding& from, const Sharding& to) {
  auto kind = [](const Sharding& s) {
    auto p = std::ranges::find_if(s.at, is_partial);
    return p == s.at.end() ? kReplicated : *p;
  };
  return kind(from) == kind(to);
}

}  // namespace

std::optional<Permutation> find_permutation(int64_t rank, const Sharding& from, const Sharding& to,
                                            const Mesh& mesh) {
  if (from == to || !same_partial_kind(from, to)) return std::nullopt;
  Blocks have(rank, from, mesh), want(rank, to, mesh);
  if (!refines(have, want)) return std::nullopt;
  have.fill(from, mesh);
  want.fill(to, mesh);

  std::vector<uint32_t> sets;
  for (uint32_t axes = 0; axes < 1u << mesh.num_axes(); ++axes) sets.push_back(axes);
  std::ranges::stable_sort(sets, {}, [](uint32_t s) { return std::popcount(s); });
  for (uint32_t axes : sets) {
    auto groups = mesh.groups(axes);
    auto pairs = match(groups[0], have, want);
    if (!pairs || !works_everywhere(groups, *pairs, have, want)) continue;
    if (axes == 0) return std::nullopt;  // nothing moves: slices do it
    return Permutation{axes, std::move(*pairs)};
  }
  return std::nullopt;
}

}  // namespace cordata::sharding
