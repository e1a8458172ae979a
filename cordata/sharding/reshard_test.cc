// SPDX-License-Identifier: Apache-2.0
#include "cordata/sharding/reshard.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <numeric>
#include <random>

namespace cordata::sharding {
namespace {

using ir::DType;
using ir::Type;

// A dense array of numbers on the host, and the moves of data that collectives are made of, written apart
// from them.
struct Array {
  std::vector<int64_t> shape;
  std::vector<int64_t> values;

  explicit Array(std::vector<int64_t> s) : shape(std::move(s)) {
    values.resize(std::accumulate(shape.begin(), shape.end(), int64_t{1}, std::multiplies<>()));
  }
  std::vector<int64_t> position(int64_t flat) const {
    std::vector<int64_t> p(shape.size());
    for (int d = static_cast<int>(shape.size()) - 1; d >= 0; --d) {
      p[d] = flat % shape[d];
      flat /= shape[d];
    }
    return p;
  }
  int64_t flat(const std::vector<int64_t>& p) const {
    int64_t f = 0;
    for (size_t d = 0; d < shape.size(); ++d) f = f * shape[d] + p[d];
    return f;
  }
  Array block(const std::vector<int64_t>& start, std::vector<int64_t> extent) const {
    Array out(std::move(extent));
    for (size_t i = 0; i < out.values.size(); ++i) {
      std::vector<int64_t> p = out.position(i);
      for (size_t d = 0; d < p.size(); ++d) p[d] += start[d];
      out.values[i] = values[flat(p)];
    }
    return out;
  }
  Array piece(int dim, int64_t k, int64_t of) const {
    std::vector<int64_t> start(shape.size(), 0), extent = shape;
    extent[dim] /= of;
    start[dim] = k * extent[dim];
    return block(start, extent);
  }
  bool operator==(const Array&) const = default;
};

Array concat(const std::vector<Array>& parts, int dim) {
  std::vector<int64_t> shape = parts[0].shape;
  shape[dim] *= parts.size();
  Array out(shape);
  for (size_t i = 0; i < out.values.size(); ++i) {
    std::vector<int64_t> p = out.position(i);
    size_t part = p[dim] / parts[0].shape[dim];
    p[dim] %= parts[0].shape[dim];
    out.values[i] = parts[part].values[parts[part].flat(p)];
  }
  return out;
}

Array sum(const std::vector<Array>& parts) {
  Array out(parts[0].shape);
  for (const Array& a : parts) {
    for (size_t i = 0; i < out.values.size(); ++i) out.values[i] += a.values[i];
  }
  return out;
}

using Devices = std::vector<Array>;

uint32_t partial_axes(const Sharding& s) {
  uint32_t axes = 0;
  for (int a = 0; a < kMaxAxes; ++a) axes |= is_partial(s.at[a]) ? 1u << a : 0u;
  return axes;
}

// What every device holds of `whole`; partial tensors as random summands, alike on the devices that must hold
// the same.
Devices distribute(const Array& whole, const Type& type, const Sharding& s, const Mesh& mesh,
                   std::mt19937& random) {
  Devices devices;
  for (int d = 0; d < mesh.size(); ++d) {
    devices.push_back(whole.block(block_start(type, s, mesh, d), local_type(type, s, mesh).shape));
  }
  uint32_t replicated = 0;
  for (int a = 0; a < mesh.num_axes(); ++a) replicated |= s.at[a] == kReplicated ? 1u << a : 0u;
  uint32_t axes = partial_axes(s);
  if (axes == 0) return devices;
  // Summand k > 0 is random, summand 0 what remains. Devices alike but for replicated axes share their random
  // numbers.
  std::vector<int> alike(mesh.size());
  for (const auto& group : mesh.groups(replicated)) {
    for (int d : group) alike[d] = group[0];
  }
  std::vector<std::vector<int64_t>> drawn(mesh.size());
  for (auto& row : drawn) {
    for (int i = 0; i < 64; ++i) row.push_back(static_cast<int64_t>(random() % 1000));
  }
  for (const auto& group : mesh.groups(axes)) {
    for (size_t i = 0; i < devices[group[0]].values.size(); ++i) {
      int64_t left = devices[group[0]].values[i];
      for (size_t k = 1; k < group.size(); ++k) {
        devices[group[k]].values[i] = drawn[alike[group[k]]][i % 64] + static_cast<int64_t>(i);
        left -= devices[group[k]].values[i];
      }
      devices[group[0]].values[i] = left;
    }
  }
  return devices;
}

Devices apply(const Devices& in, const ReshardStep& step, const Type& type, const Sharding& before,
              const Mesh& mesh) {
  Devices out = in;
  if (step.kind == CollectiveKind::kPermute) {
    auto p = find_permutation(type.rank(), before, step.after, mesh);
    EXPECT_TRUE(p && p->axes == step.axes);
    for (const auto& group : mesh.groups(p->axes)) {
      std::vector<int> sent(group.size(), 0);
      for (auto [source, target] : p->pairs) {
        ++sent[source];
        std::vector<int64_t> start = block_start(type, step.after, mesh, group[target]);
        std::vector<int64_t> origin = block_start(type, before, mesh, group[source]);
        for (size_t d = 0; d < start.size(); ++d) start[d] -= origin[d];
        out[group[target]] = in[group[source]].block(start, local_type(type, step.after, mesh).shape);
      }
      EXPECT_TRUE(std::ranges::all_of(sent, [](int n) { return n == 1; }));
    }
    return out;
  }
  for (const auto& group : mesh.groups(step.axes)) {
    int64_t n = static_cast<int64_t>(group.size());
    std::vector<Array> parts;
    for (int d : group) parts.push_back(in[d]);
    for (int64_t k = 0; k < n; ++k) {
      Array& result = out[group[k]];
      switch (step.kind) {
        case CollectiveKind::kAllReduce:
          result = sum(parts);
          break;
        case CollectiveKind::kReduceScatter:
          result = sum(parts).piece(step.dim, k, n);
          break;
        case CollectiveKind::kAllGather:
          result = concat(parts, step.dim);
          break;
        case CollectiveKind::kAllToAll: {
          std::vector<Array> got;
          for (const Array& a : parts) got.push_back(a.piece(step.dim, k, n));
          result = concat(got, step.from_dim);
          break;
        }
        case CollectiveKind::kSlice:
          result = in[group[k]].piece(step.dim, k, n);
          break;
        case CollectiveKind::kPartialize:
          if (k > 0) std::ranges::fill(result.values, 0);
          break;
        case CollectiveKind::kPermute:
          break;
      }
    }
  }
  return out;
}

void expect_holds(const Devices& devices, const Array& whole, const Type& type, const Sharding& s,
                  const Mesh& mesh) {
  for (const auto& group : mesh.groups(partial_axes(s))) {
    std::vector<Array> parts;
    for (int d : group) parts.push_back(devices[d]);
    Array want = whole.block(block_start(type, s, mesh, group[0]), local_type(type, s, mesh).shape);
    EXPECT_EQ(sum(parts), want) << to_string(s, type, mesh) << " on " << to_string(mesh);
  }
}

Mesh mesh_of(std::vector<int64_t> shape) {
  Mesh mesh{shape, {}};
  for (size_t a = 0; a < shape.size(); ++a) {
    mesh.links.push_back(
        {base::Seconds(1e-6 * (1 + double(a))), base::BytesPerSecond(1e9 / (1 + 2 * double(a)))});
  }
  return mesh;
}

double path_seconds(const std::vector<ReshardStep>& path) {
  double total = 0;
  for (const ReshardStep& s : path) total += s.seconds.value;
  return total;
}

struct Case {
  std::vector<int64_t> mesh;
  ir::Shape shape;
};

class EveryReshard : public testing::TestWithParam<Case> {};

TEST_P(EveryReshard, MovesTheDataThere) {
  Mesh mesh = mesh_of(GetParam().mesh);
  Type type = Type::tensor(DType::kF32, GetParam().shape);
  Array whole(type.shape);
  std::iota(whole.values.begin(), whole.values.end(), 1000);
  std::mt19937 random(7);
  int moved = 0;
  auto all = enumerate_shardings(type, mesh, true);
  for (const Sharding& from : all) {
    for (const Sharding& to : all) {
      auto path = reshard_path(type, from, to, mesh);
      bool creates_partial = false;
      for (int a = 0; a < mesh.num_axes(); ++a)
        creates_partial |= is_partial(to.at[a]) && from.at[a] != to.at[a];
      if (!creates_partial) {
        ASSERT_TRUE(path.has_value());
      }
      if (!path) continue;
      Devices devices = distribute(whole, type, from, mesh, random);
      Sharding at = from;
      for (const ReshardStep& step : *path) {
        devices = apply(devices, step, type, at, mesh);
        double handed = step.kind == CollectiveKind::kPermute ? local_type(type, step.after, mesh).num_bytes()
                                                              : local_type(type, at, mesh).num_bytes();
        EXPECT_EQ(step.bytes.value, is_local(step.kind) ? 0.0 : handed);
        at = step.after;
      }
      EXPECT_EQ(at, to);
      expect_holds(devices, whole, type, to, mesh);
      moved += !path->empty();
      if (HasFailure()) FAIL() << to_string(from, type, mesh) << " -> " << to_string(to, type, mesh);
    }
  }
  EXPECT_GE(moved, static_cast<int>(all.size()));
}

// Blocks along the first dim, or behind dims of one element, lie in one piece.
TEST(Packing, IsOfBlocksInPieces) {
  const Type whole = Type::tensor(ir::DType::kF32, {4, 6}), rows = Type::tensor(ir::DType::kF32, {2, 6}),
             columns = Type::tensor(ir::DType::kF32, {4, 3}), line = Type::tensor(ir::DType::kF32, {1, 6});
  const auto of = [](CollectiveKind kind, const Type& before, const Type& after, int dim, int from = -1) {
    const Packing p = packing(kind, before, after, dim, from);
    return std::pair(p.packed, p.received);
  };
  using Pair = std::pair<int64_t, int64_t>;
  EXPECT_EQ(of(CollectiveKind::kAllGather, rows, whole, 0), Pair(0, 0));
  EXPECT_EQ(of(CollectiveKind::kAllGather, columns, whole, 1), Pair(96, 0));
  EXPECT_EQ(of(CollectiveKind::kReduceScatter, whole, columns, 1), Pair(96, 0));
  EXPECT_EQ(of(CollectiveKind::kReduceScatter, line, line, 1), Pair(0, 0));
  EXPECT_EQ(of(CollectiveKind::kAllToAll, rows, columns, 1, 0), Pair(48, 0));
  EXPECT_EQ(of(CollectiveKind::kAllToAll, columns, rows, 0, 1), Pair(0, 48));
  EXPECT_EQ(of(CollectiveKind::kAllReduce, whole, whole, -1), Pair(0, 0));
  EXPECT_DOUBLE_EQ(packing_seconds({96, 48}, base::BytesPerSecond(288)).value, 1);
  EXPECT_EQ(packing_seconds({96, 48}, base::BytesPerSecond(0)).value, 0);
}

TEST(Packing, AndSumsAreInWhatCollectivesTake) {
  Mesh mesh{{4}, {{base::Seconds(0), base::BytesPerSecond(1e30)}}};
  mesh.sums = base::BytesPerSecond(3);
  EXPECT_DOUBLE_EQ(collective_seconds(CollectiveKind::kAllReduce, base::Bytes(4), 1, mesh).value, 1);
  EXPECT_DOUBLE_EQ(collective_seconds(CollectiveKind::kReduceScatter, base::Bytes(4), 1, mesh).value, 1);
  EXPECT_LT(collective_seconds(CollectiveKind::kAllGather, base::Bytes(4), 1, mesh).value, 1e-20);
  mesh.sums = base::BytesPerSecond(0), mesh.memory = base::BytesPerSecond(1);
  const Type type = Type::tensor(ir::DType::kF32, {4, 4});
  const auto gathered = [&](Placement dim) {
    Sharding from;
    from.at[0] = dim;
    const auto path = *reshard_path(type, from, Sharding(), mesh);
    return std::pair(path.size(), path.back().seconds.value);
  };
  EXPECT_EQ(gathered(0).first, 1u);
  EXPECT_LT(gathered(0).second, 1e-20);
  mesh.links[0].bandwidth = base::BytesPerSecond(1e-3);  // a way round, by an all-to-all, costs more
  EXPECT_EQ(gathered(1).first, 1u);
  EXPECT_DOUBLE_EQ(gathered(1).second, 3 * 16 * 1e3 + 2 * 64);
}

// Every single step between two shardings, told from what the step does alone, without looking at how it is
// enumerated: a step is legal when simulating it gives the data of the target sharding.
std::vector<ReshardStep> steps_between(const Type& type, const Sharding& from, const Sharding& to,
                                       const Mesh& mesh) {
  std::vector<ReshardStep> found;
  Array whole(type.shape);
  std::iota(whole.values.begin(), whole.values.end(), 1000);
  std::mt19937 random(3);
  Devices start = distribute(whole, type, from, mesh, random);
  auto holds = [&](const Devices& devices) {
    for (const auto& group : mesh.groups(partial_axes(to))) {
      std::vector<Array> parts;
      for (int d : group) parts.push_back(devices[d]);
      Array want = whole.block(block_start(type, to, mesh, group[0]), local_type(type, to, mesh).shape);
      if (!(sum(parts) == want)) return false;
    }
    return true;
  };
  double before = local_type(type, from, mesh).num_bytes();
  auto attempt = [&](ReshardStep step, double bytes) {
    step.after = to;
    step.bytes = base::Bytes(bytes);
    step.seconds = collective_seconds(step.kind, step.bytes, step.axes, mesh);
    if (holds(apply(start, step, type, from, mesh))) found.push_back(step);
  };
  for (uint32_t axes = 1; axes < 1u << mesh.num_axes(); ++axes) {
    int64_t n = static_cast<int64_t>(mesh.groups(axes)[0].size());
    auto was = [&](auto test) {
      for (int a = 0; a < mesh.num_axes(); ++a) {
        if (axes >> a & 1 && !test(from.at[a])) return false;
        if (!(axes >> a & 1) && from.at[a] != to.at[a]) return false;
      }
      return true;
    };
    ir::Shape local = local_type(type, from, mesh).shape;
    if (was(is_partial)) attempt({.kind = CollectiveKind::kAllReduce, .axes = axes}, before);
    for (int d = 0; d < type.rank(); ++d) {
      bool splits = local[d] % n == 0;
      auto on_d = [&](Placement p) { return p == d; };
      if (was(is_partial) && splits)
        attempt({.kind = CollectiveKind::kReduceScatter, .axes = axes, .dim = d}, before);
      if (was(on_d)) attempt({.kind = CollectiveKind::kAllGather, .axes = axes, .dim = d}, before);
      if (was([](Placement p) { return p == kReplicated; }) && splits) {
        attempt({.kind = CollectiveKind::kSlice, .axes = axes, .dim = d}, 0);
      }
      for (int e = 0; e < type.rank(); ++e) {
        if (e == d || !was(on_d) || local[e] % n != 0) continue;
        attempt({.kind = CollectiveKind::kAllToAll, .axes = axes, .dim = e, .from_dim = d}, before);
      }
    }
    if (was([](Placement p) { return p == kReplicated; })) {
      attempt({.kind = CollectiveKind::kPartialize, .axes = axes}, 0);
    }
  }
  if (auto p = find_permutation(type.rank(), from, to, mesh)) {
    attempt({.kind = CollectiveKind::kPermute, .axes = p->axes}, local_type(type, to, mesh).num_bytes());
  }
  return found;
}

TEST_P(EveryReshard, IsCheapestByBellmanFord) {
  Mesh mesh = mesh_of(GetParam().mesh);
  Type type = Type::tensor(DType::kF32, GetParam().shape);
  auto all = enumerate_shardings(type, mesh, true);
  size_t n = all.size();
  std::vector<std::tuple<size_t, size_t, double>> edges;
  for (size_t i = 0; i < n; ++i) {
    for (size_t j = 0; j < n; ++j) {
      if (i == j) continue;
      for (const ReshardStep& s : steps_between(type, all[i], all[j], mesh))
        edges.emplace_back(i, j, s.seconds.value);
    }
  }
  for (size_t i = 0; i < n; ++i) {
    std::vector<double> cost(n, 1e30);
    cost[i] = 0;
    for (size_t round = 0; round < n; ++round) {
      for (auto [a, b, c] : edges) cost[b] = std::min(cost[b], cost[a] + c);
    }
    for (size_t j = 0; j < n; ++j) {
      auto path = reshard_path(type, all[i], all[j], mesh);
      ASSERT_EQ(path.has_value(), cost[j] < 1e29);
      if (!path) continue;
      EXPECT_NEAR(path_seconds(*path), cost[j], 1e-11)
          << to_string(all[i], type, mesh) << " -> " << to_string(all[j], type, mesh) << " on "
          << to_string(mesh);
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Meshes, EveryReshard,
                         testing::Values(Case{{2}, {4, 6}}, Case{{4}, {8, 4}}, Case{{2, 2}, {4, 8}},
                                         Case{{2, 2}, {8}}, Case{{2, 3}, {6, 12}}, Case{{2, 3}, {12}},
                                         Case{{3, 2}, {4, 6}}, Case{{2, 4}, {8, 3, 8}},
                                         Case{{2, 2, 2}, {8, 4}}, Case{{2, 2, 2}, {8}}, Case{{1, 2}, {2, 2}},
                                         Case{{2}, {}}));

// Whoever reads native collectives has only the pairs to tell the axes by.
TEST(Permutation, MovesAlongAllItsAxesAndNoOther) {
  int found = 0;
  for (auto shape : std::vector<std::vector<int64_t>>{
           {2, 2}, {2, 4}, {4, 4}, {2, 2, 2}, {4, 2, 2}, {2, 2, 4}, {2, 3, 2}}) {
    Mesh mesh = mesh_of(shape);
    Type type = Type::tensor(DType::kF32, {48, 48});
    for (const Sharding& from : enumerate_shardings(type, mesh, true)) {
      for (const Sharding& to : enumerate_shardings(type, mesh, true)) {
        auto p = find_permutation(2, from, to, mesh);
        if (!p) continue;
        ++found;
        uint32_t moved = 0;
        for (const auto& group : mesh.groups(p->axes)) {
          for (auto [source, target] : p->pairs) {
            for (int a = 0; a < mesh.num_axes(); ++a) {
              if (mesh.coordinate(group[source], a) != mesh.coordinate(group[target], a)) moved |= 1u << a;
            }
          }
        }
        EXPECT_EQ(moved, p->axes) << to_string(from, type, mesh) << " -> " << to_string(to, type, mesh) << " "
                                  << to_string(mesh);
      }
    }
  }
  EXPECT_GT(found, 100);
}

TEST(Reshard, MergesAllReducesOverSeveralAxes) {
  Mesh mesh = mesh_of({2, 2});
  Type type = Type::tensor(DType::kF32, {4});
  Sharding both;
  both.at[0] = both.at[1] = partial(ir::ReduceKind::kAdd);
  auto path = reshard_path(type, both, Sharding{}, mesh);
  ASSERT_TRUE(path);
  ASSERT_EQ(path->size(), 1u);
  EXPECT_EQ((*path)[0].kind, CollectiveKind::kAllReduce);
  EXPECT_EQ((*path)[0].axes, 3u);
}

TEST(Reshard, ReduceScattersInsteadOfReducingAndSlicing) {
  Mesh mesh = mesh_of({4});
  Type type = Type::tensor(DType::kF32, {1 << 20});
  Sharding from, to;
  from.at[0] = partial(ir::ReduceKind::kAdd);
  to.at[0] = 0;
  auto path = reshard_path(type, from, to, mesh);
  ASSERT_TRUE(path && path->size() == 1);
  EXPECT_EQ((*path)[0].kind, CollectiveKind::kReduceScatter);
  // (n - 1) messages of 1/n of 4 MiB at 1 GB/s, 1 us each (docs/collectives.md).
  EXPECT_NEAR((*path)[0].seconds.value, 3e-6 + 0.75 * (4 << 20) / 1e9, 1e-12);
}

TEST(Reshard, AMaximumCanOnlyBeReduced) {
  Mesh mesh = mesh_of({2});
  Type type = Type::tensor(DType::kF32, {4});
  Sharding max, add;
  max.at[0] = partial(ir::ReduceKind::kMax);
  add.at[0] = partial(ir::ReduceKind::kAdd);
  auto path = reshard_path(type, max, Sharding{}, mesh);
  ASSERT_TRUE(path && path->size() == 1);
  EXPECT_EQ((*path)[0].reduce, ir::ReduceKind::kMax);
  EXPECT_FALSE(reshard_path(type, Sharding{}, max, mesh));
  EXPECT_FALSE(reshard_path(type, max, add, mesh));
  EXPECT_TRUE(reshard_path(type, Sharding{}, add, mesh));
}

TEST(Reshard, RefusesWhatDoesNotFit) {
  Mesh mesh = mesh_of({4});
  Sharding s;
  s.at[0] = 0;
  EXPECT_FALSE(reshard_path(Type::tensor(DType::kF32, {6}), Sharding{}, s, mesh));
  EXPECT_FALSE(reshard_path(Type::token(), Sharding{}, s, mesh));
}

}  // namespace
}  // namespace cordata::sharding
