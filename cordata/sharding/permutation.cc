// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <bit>
#include <queue>
#include <unordered_map>

#include "cordata/sharding/reshard.h"

namespace cordata::sharding {

namespace {

// How many blocks each dim, and (last) the sum, is cut into.
class Blocks {
 public:
  Blocks(int64_t rank, const Sharding& s, const Mesh& mesh)
      : sharding_(s), mesh_(mesh), counts_(rank + 1, 1) {
    for (int a = 0; a < mesh.num_axes(); ++a)
      if (s.at[a] != kReplicated) counts_[slot(s.at[a])] *= mesh.shape[a];
  }

  bool refines(const Blocks& coarse) const {
    for (size_t d = 0; d < counts_.size(); ++d) {
      const bool summands = d + 1 == counts_.size();
      if (summands ? counts_[d] != coarse.counts_[d] : counts_[d] % coarse.counts_[d] != 0) return false;
    }
    return true;
  }

  // By device, the number of the coarser block that holds its own: mixed-radix numbers over the axes placed
  // on each dim.
  std::vector<int64_t> within(const Blocks& coarse) const {
    std::vector<int64_t> out(mesh_.size()), index(counts_.size());
    for (int64_t device = 0; device < mesh_.size(); ++device) {
      std::fill(index.begin(), index.end(), 0);
      for (int a = 0; a < mesh_.num_axes(); ++a) {
        if (sharding_.at[a] == kReplicated) continue;
        int64_t& i = index[slot(sharding_.at[a])];
        i = i * mesh_.shape[a] + mesh_.coordinate(device, a);
      }
      for (size_t d = 0; d < counts_.size(); ++d)
        out[device] = out[device] * coarse.counts_[d] + index[d] / (counts_[d] / coarse.counts_[d]);
    }
    return out;
  }

 private:
  size_t slot(Placement p) const { return is_partial(p) ? counts_.size() - 1 : p; }

  const Sharding& sharding_;
  const Mesh& mesh_;
  std::vector<int64_t> counts_;
};

// Pairs up the positions of one group: each its own block if it will do, else the first free one that holds
// it. `have`, `want`: by device, which block it has, and which holds what it wants.
std::optional<std::vector<std::pair<int, int>>> match(const std::vector<int>& group,
                                                      const std::vector<int64_t>& have,
                                                      const std::vector<int64_t>& want) {
  const int n = static_cast<int>(group.size());
  std::vector<std::pair<int, int>> pairs;
  std::unordered_map<int64_t, std::queue<int>> free;  // by block
  for (int k = 0; k < n; ++k)
    if (have[group[k]] != want[group[k]]) free[have[group[k]]].push(k);
  for (int t = 0; t < n; ++t) {
    if (have[group[t]] == want[group[t]]) {
      pairs.emplace_back(t, t);
      continue;
    }
    const auto it = free.find(want[group[t]]);
    if (it == free.end() || it->second.empty()) return std::nullopt;
    pairs.emplace_back(it->second.front(), t);
    it->second.pop();
  }
  return pairs;
}

bool works_everywhere(const std::vector<std::vector<int>>& groups,
                      const std::vector<std::pair<int, int>>& pairs, const std::vector<int64_t>& have,
                      const std::vector<int64_t>& want) {
  return std::ranges::all_of(groups, [&](const std::vector<int>& group) {
    return std::ranges::all_of(pairs, [&](auto p) { return have[group[p.first]] == want[group[p.second]]; });
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
  const Blocks coarse(rank, from, mesh), fine(rank, to, mesh);
  if (!fine.refines(coarse)) return std::nullopt;
  const auto have = coarse.within(coarse), want = fine.within(coarse);

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
