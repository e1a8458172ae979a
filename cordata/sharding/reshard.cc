// SPDX-License-Identifier: Apache-2.0
#include "cordata/sharding/reshard.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <memory>
#include <queue>
#include <tuple>

namespace cordata::sharding {

namespace {

constexpr double kInfinite = std::numeric_limits<double>::infinity();

uint32_t axes_at(const Sharding& s, Placement p) {
  uint32_t axes = 0;
  for (int a = 0; a < kMaxAxes; ++a) {
    if (s.at[a] == p) axes |= 1u << a;
  }
  return axes;
}

// Axes nest in order, so what joins or leaves a dim must be minor to the rest: all its axes above the others
// there.
bool minor_to(uint32_t axes, uint32_t others) { return (axes & -axes) > others; }

Sharding with(Sharding s, uint32_t axes, Placement p) {
  for (int a = 0; a < kMaxAxes; ++a) {
    if (axes >> a & 1) s.at[a] = p;
  }
  return s;
}

// The non-empty subsets of a bit set, ascending.
std::vector<uint32_t> subsets(uint32_t set) {
  std::vector<uint32_t> result;
  for (uint32_t s = set & -set; s != 0; s = (s - set) & set) result.push_back(s);
  return result;
}

// Which permutations exist doesn't depend on extents: remembered by rank, mesh shape and shardings.
const std::optional<Permutation>& permutation(int64_t rank, const Sharding& from, const Sharding& to,
                                              const Mesh& mesh) {
  using Key = std::tuple<int64_t, Sharding, Sharding>;
  thread_local std::map<std::vector<int64_t>, std::map<Key, std::optional<Permutation>>> memo;
  auto& known = memo[mesh.shape];
  auto [it, fresh] = known.try_emplace(Key(rank, from, to));
  if (fresh) it->second = find_permutation(rank, from, to, mesh);
  return it->second;
}

std::vector<Sharding> states(const ir::Type& type, const Mesh& mesh, ir::ReduceKind kind) {
  std::vector<Sharding> result = enumerate_shardings(type, mesh, true);
  for (Sharding& s : result) {
    for (Placement& p : s.at) {
      if (is_partial(p)) p = partial(kind);
    }
  }
  return result;
}

}  // namespace

ReshardTable::ReshardTable(ir::Type type, Mesh mesh, ir::ReduceKind kind)
    : type_(std::move(type)), mesh_(std::move(mesh)), kind_(kind), shardings_(states(type_, mesh_, kind)) {
  size_t codes = 1;
  for (int a = 0; a < mesh_.num_axes(); ++a) codes *= type_.rank() + 2;
  index_.assign(codes, -1);
  edges_.resize(shardings_.size());
  rows_.resize(shardings_.size());
  for (size_t i = 0; i < shardings_.size(); ++i) {
    bytes_.push_back(local_type(type_, shardings_[i], mesh_).num_bytes());
    size_t code = 0;
    for (int a = 0; a < mesh_.num_axes(); ++a) {
      Placement p = shardings_[i].at[a];
      code = code * (type_.rank() + 2) + (is_partial(p) ? 0 : p + 2);
    }
    index_[code] = static_cast<int>(i);
  }
}

int ReshardTable::index(const Sharding& s) const {
  size_t code = 0;
  for (int a = 0; a < kMaxAxes; ++a) {
    Placement p = s.at[a];
    if (a >= mesh_.num_axes()) {
      if (p != kReplicated) return -1;
      continue;
    }
    if (p >= type_.rank() || (is_partial(p) && reduce_kind(p) != kind_)) return -1;
    code = code * (type_.rank() + 2) + (is_partial(p) ? 0 : p + 2);
  }
  return index_[code];
}

void ReshardTable::add_edge(int from, ReshardStep step) {
  int to = index(step.after);
  if (to < 0) return;  // doesn't fit
  step.reduce = kind_;
  int64_t bytes = step.kind == CollectiveKind::kPermute ? bytes_[to] : bytes_[from];
  step.bytes = base::Bytes(is_local(step.kind) ? 0.0 : static_cast<double>(bytes));
  step.seconds = collective_seconds(step.kind, step.bytes, step.axes, mesh_) +
                 packing_seconds(packing(step.kind, local_type(type_, shardings_[from], mesh_),
                                         local_type(type_, shardings_[to], mesh_), step.dim, step.from_dim),
                                 mesh_.memory);
  double picoseconds = std::min(std::ceil(step.seconds.value * 1e12), 1e15);
  edges_[from]->push_back({to, step, static_cast<int64_t>(picoseconds)});
}

// partial -> replicated, partial -> dim.
void ReshardTable::add_sums(int from) {
  const Sharding s = shardings_[from];
  for (uint32_t axes : subsets(axes_at(s, partial(kind_)))) {
    add_edge(from, {.kind = CollectiveKind::kAllReduce, .axes = axes, .after = with(s, axes, kReplicated)});
    for (int d = 0; d < type_.rank(); ++d) {
      Placement dim = static_cast<Placement>(d);
      if (!minor_to(axes, axes_at(s, dim))) continue;
      add_edge(from,
               {.kind = CollectiveKind::kReduceScatter, .axes = axes, .dim = d, .after = with(s, axes, dim)});
    }
  }
}

// dim -> replicated, dim -> another dim.
void ReshardTable::add_moves(int from) {
  const Sharding s = shardings_[from];
  for (int d = 0; d < type_.rank(); ++d) {
    uint32_t here = axes_at(s, static_cast<Placement>(d));
    for (uint32_t axes : subsets(here)) {
      if (!minor_to(axes, here & ~axes)) continue;
      add_edge(
          from,
          {.kind = CollectiveKind::kAllGather, .axes = axes, .dim = d, .after = with(s, axes, kReplicated)});
      for (int e = 0; e < type_.rank(); ++e) {
        Placement dim = static_cast<Placement>(e);
        if (e == d || !minor_to(axes, axes_at(s, dim))) continue;
        add_edge(from, {.kind = CollectiveKind::kAllToAll,
                        .axes = axes,
                        .dim = e,
                        .from_dim = d,
                        .after = with(s, axes, dim)});
      }
    }
  }
}

// replicated -> dim, replicated -> partial: local.
void ReshardTable::add_splits(int from) {
  const Sharding s = shardings_[from];
  for (int a = 0; a < mesh_.num_axes(); ++a) {
    if (s.at[a] != kReplicated) continue;
    uint32_t axis = 1u << a;
    for (int d = 0; d < type_.rank(); ++d) {
      Placement dim = static_cast<Placement>(d);
      if (!minor_to(axis, axes_at(s, dim))) continue;
      add_edge(from, {.kind = CollectiveKind::kSlice, .axes = axis, .dim = d, .after = with(s, axis, dim)});
    }
    if (kind_ == ir::ReduceKind::kAdd) {
      add_edge(from,
               {.kind = CollectiveKind::kPartialize, .axes = axis, .after = with(s, axis, partial(kind_))});
    }
  }
}

void ReshardTable::add_permutations(int from) {
  if (mesh_.num_axes() < 2) return;
  for (const Sharding& to : shardings_) {
    const auto& found = permutation(type_.rank(), shardings_[from], to, mesh_);
    if (found) add_edge(from, {.kind = CollectiveKind::kPermute, .axes = found->axes, .after = to});
  }
}

const std::vector<ReshardTable::Edge>& ReshardTable::edges(int from) {
  if (!edges_[from]) {
    edges_[from].emplace();
    add_sums(from);
    add_moves(from);
    add_splits(from);
    add_permutations(from);
  }
  return *edges_[from];
}

// Dijkstra. A path's length is (picoseconds, collectives, steps), the last two to choose among equals.
const ReshardTable::Row& ReshardTable::row(int from) {
  if (rows_[from]) return *rows_[from];
  using Length = std::tuple<int64_t, int, int>;
  constexpr int64_t kFar = std::numeric_limits<int64_t>::max();
  std::vector<Length> length(shardings_.size(), Length(kFar, 0, 0));
  Row row{std::vector<double>(shardings_.size(), kInfinite),
          std::vector<std::pair<int, int>>(shardings_.size(), {-1, -1})};
  std::priority_queue<std::pair<Length, int>, std::vector<std::pair<Length, int>>, std::greater<>> queue;
  length[from] = Length(0, 0, 0);
  row.seconds[from] = 0;
  queue.emplace(length[from], from);
  while (!queue.empty()) {
    auto [reached, at] = queue.top();
    queue.pop();
    if (reached != length[at]) continue;
    const auto& out = edges(at);
    for (size_t e = 0; e < out.size(); ++e) {
      auto [time, collectives, steps] = reached;
      Length longer(time + out[e].picoseconds, collectives + !is_local(out[e].step.kind), steps + 1);
      if (longer >= length[out[e].to]) continue;
      length[out[e].to] = longer;
      row.seconds[out[e].to] = row.seconds[at] + out[e].step.seconds.value;
      row.previous[out[e].to] = {at, static_cast<int>(e)};
      queue.emplace(longer, out[e].to);
    }
  }
  rows_[from] = std::move(row);
  return *rows_[from];
}

double ReshardTable::seconds(int from, int to) { return row(from).seconds[to]; }

double ReshardTable::seconds(const Sharding& from, const Sharding& to) {
  int a = index(from), b = index(to);
  return a < 0 || b < 0 ? kInfinite : seconds(a, b);
}

std::optional<std::vector<ReshardStep>> ReshardTable::path(int from, int to) {
  const Row& r = row(from);
  if (r.seconds[to] == kInfinite) return std::nullopt;
  std::vector<ReshardStep> steps;
  for (int at = to; at != from; at = r.previous[at].first) {
    auto [before, edge] = r.previous[at];
    steps.push_back((*edges_[before])[edge].step);
  }
  std::ranges::reverse(steps);
  return steps;
}

namespace {

// Tables made before on this thread; forgotten all together when there are many.
ReshardTable& table(const ir::Type& type, const Mesh& mesh, ir::ReduceKind kind) {
  struct Entry {
    Mesh mesh;
    ir::ReduceKind kind;
    std::unique_ptr<ReshardTable> table;
  };
  thread_local std::map<std::pair<ir::DType, ir::Shape>, std::vector<Entry>> memo;
  if (memo.size() > 1000) memo.clear();
  auto& entries = memo[{type.dtype, type.shape}];
  for (Entry& e : entries) {
    if (e.kind == kind && e.mesh == mesh) return *e.table;
  }
  if (entries.size() > 100) entries.clear();
  entries.push_back({mesh, kind, std::make_unique<ReshardTable>(type, mesh, kind)});
  return *entries.back().table;
}

}  // namespace

std::optional<std::vector<ReshardStep>> reshard_path(const ir::Type& type, const Sharding& from,
                                                     const Sharding& to, const Mesh& mesh) {
  if (from == to) return std::vector<ReshardStep>{};
  if (!type.is_tensor()) return std::nullopt;
  auto partial_at = std::ranges::find_if(from.at, is_partial);
  ir::ReduceKind kind = partial_at == from.at.end() ? ir::ReduceKind::kAdd : reduce_kind(*partial_at);
  ReshardTable& paths = table(type, mesh, kind);
  int a = paths.index(from), b = paths.index(to);
  if (a < 0 || b < 0) return std::nullopt;
  return paths.path(a, b);
}

}  // namespace cordata::sharding
