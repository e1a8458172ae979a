// SPDX-License-Identifier: Apache-2.0
#include "cordata/ir/structural_hash.h"

#include <bit>
#include <cstring>

#include "cordata/ir/op_table.h"

namespace cordata::ir {
namespace {

// splitmix64's finaliser (Steele, Lea, Flood 2014) over the running hash and the next word.
uint64_t mix(uint64_t h, uint64_t x) {
  h ^= x + 0x9e3779b97f4a7c15ull + (h << 6) + (h >> 2);
  h = (h ^ (h >> 30)) * 0xbf58476d1ce4e5b9ull;
  h = (h ^ (h >> 27)) * 0x94d049bb133111ebull;
  return h ^ (h >> 31);
}

uint64_t hash_bytes(uint64_t h, const void* data, size_t size) {
  auto at = static_cast<const char*>(data);
  for (; size >= 8; at += 8, size -= 8) {
    uint64_t word;
    std::memcpy(&word, at, 8);
    h = mix(h, word);
  }
  uint64_t rest = 0;
  std::memcpy(&rest, at, size);
  return mix(mix(h, rest), size);
}

uint64_t hash(uint64_t h, std::string_view s) { return hash_bytes(h, s.data(), s.size()); }

uint64_t hash(uint64_t h, const Type& t) {
  h = mix(mix(h, static_cast<uint64_t>(t.kind)), static_cast<uint64_t>(t.dtype));
  for (int64_t d : t.shape) h = mix(h, d);
  h = mix(h, t.shape.size());
  for (const Type& e : t.elements) h = hash(h, e);
  return mix(h, t.elements.size());
}

uint64_t hash(uint64_t h, const DenseElements& d) {
  h = hash(h, d.type);
  if (!d.bytes || d.type.num_elements() == 0) return h;
  DenseElements one{.type = d.type, .splat = true, .bytes = d.bytes};
  size_t size = bytes_per_element(d.type.dtype);
  if (d.data().size() > size) {  // a splat hashes as its expansion: both as the one element
    one.bytes = std::make_shared<std::vector<std::byte>>(d.data().begin(), d.data().begin() + size);
    if (!(one == d)) return hash_bytes(mix(h, 1), d.data().data(), d.data().size());
  }
  return hash_bytes(h, one.data().data(), one.data().size());
}

uint64_t hash(uint64_t h, const AttrDict& dict);

uint64_t hash(uint64_t h, const Attribute& a) {
  h = mix(mix(h, static_cast<uint64_t>(a.kind)), static_cast<uint64_t>(a.dtype));
  h = mix(mix(h, a.integer), std::bit_cast<uint64_t>(a.real));
  h = hash(hash(h, a.text), a.word);
  if (a.kind == Attribute::Kind::kType) h = hash(h, a.type);
  for (int64_t v : a.integers) h = mix(h, v);
  for (double v : a.reals) h = mix(h, std::bit_cast<uint64_t>(v));
  for (const Attribute& e : a.array) h = hash(h, e);
  h = mix(h, a.integers.size() + a.reals.size() + a.array.size());
  return hash(hash(h, a.dict), a.dense);
}

uint64_t hash(uint64_t h, const AttrDict& dict) {
  for (auto& [key, value] : dict) h = hash(hash(h, key), value);
  return mix(h, dict.size());
}

}  // namespace

ValueHashes::ValueHashes(const Graph& graph) : graph_(graph), values_(graph.num_values()), nodes_(graph.num_nodes()) {
  all_ = region(RegionId(0), 0);
}

uint64_t ValueHashes::region(RegionId id, int depth) {
  const Region& r = graph_.region(id);
  uint64_t h = mix(0, depth);
  for (size_t i = 0; i < r.args.size(); ++i) {
    h = hash(h, graph_.type(r.args[i]));
    values_[r.args[i].index] = mix(mix(h, i), 0xa);
  }
  uint64_t effects = 0;
  for (NodeId n : r.nodes) {
    uint64_t nh = node(n, depth);
    if (affects_world(graph_, n)) effects += nh;  // their order is whatever their operands make it
  }
  for (ValueId v : r.results) h = mix(h, values_[v.index]);
  return mix(mix(h, r.results.size()), effects);
}

uint64_t ValueHashes::node(NodeId id, int depth) {
  const Node& n = graph_.node(id);
  uint64_t h = hash(mix(1, static_cast<uint64_t>(n.kind)), n.attrs);
  for (ValueId v : n.operands) h = mix(h, values_[v.index]);
  for (RegionId r : n.regions) h = mix(h, region(r, depth + 1));
  for (int i = 0; i < n.num_results; ++i) h = hash(h, graph_.type(n.result(i)));
  for (int i = 0; i < n.num_results; ++i) values_[n.result(i).index] = mix(h, i);
  return nodes_[id.index] = h;
}

bool affects_world(const Graph& graph, NodeId id) {
  const Node& n = graph.node(id);
  if (has_side_effect(n)) return true;
  for (RegionId r : n.regions) {
    for (NodeId inner : graph.region(r).nodes) {
      if (affects_world(graph, inner)) return true;
    }
  }
  return false;
}

uint64_t structural_hash(const Graph& graph) { return ValueHashes(graph).all(); }

}  // namespace cordata::ir
