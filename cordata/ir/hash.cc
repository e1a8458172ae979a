// SPDX-License-Identifier: Apache-2.0
#include "cordata/ir/hash.h"

#include <algorithm>
#include <bit>
#include <cstring>

namespace cordata::ir {

// splitmix64's finaliser (Steele, Lea, Flood 2014) over the running hash and the next word.
uint64_t mix(uint64_t h, uint64_t x) {
  h ^= x + 0x9e3779b97f4a7c15ull + (h << 6) + (h >> 2);
  h = (h ^ (h >> 30)) * 0xbf58476d1ce4e5b9ull;
  h = (h ^ (h >> 27)) * 0x94d049bb133111ebull;
  return h ^ (h >> 31);
}

static uint64_t hash_bytes(uint64_t h, const void* data, size_t size) {
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

static uint64_t hash(uint64_t h, std::string_view s) { return hash_bytes(h, s.data(), s.size()); }

uint64_t hash(uint64_t h, const Type& t) {
  h = mix(mix(h, static_cast<uint64_t>(t.kind)), static_cast<uint64_t>(t.dtype));
  for (int64_t d : t.shape) h = mix(h, d);
  h = mix(h, t.shape.size());
  for (const Type& e : t.elements) h = hash(h, e);
  return mix(h, t.elements.size());
}

// A splat hashes as its expansion: both as the one element.
static uint64_t hash(uint64_t h, const DenseElements& d) {
  h = hash(h, d.type);
  if (!d.bytes || d.type.num_elements() == 0) return h;
  std::span<const std::byte> one =
      d.data().first(std::min<size_t>(d.data().size(), bytes_per_element(d.type.dtype)));
  if (one.size() < d.data().size() &&
      !(DenseElements{.type = d.type, .splat = true, .bytes = Bytes(one)} == d)) {
    return hash_bytes(mix(h, 1), d.data().data(), d.data().size());
  }
  return hash_bytes(h, one.data(), one.size());
}

uint64_t hash(uint64_t h, const Attribute& a) {
  h = mix(mix(h, static_cast<uint64_t>(a.kind())), static_cast<uint64_t>(a.dtype()));
  h = mix(mix(h, a.integer()), std::bit_cast<uint64_t>(a.real()));
  h = hash(hash(h, a.text()), a.word());
  if (a.kind() == Attribute::Kind::kType) h = hash(h, a.type());
  for (int64_t v : a.integers()) h = mix(h, v);
  for (double v : a.reals()) h = mix(h, std::bit_cast<uint64_t>(v));
  for (const Attribute& e : a.array()) h = hash(h, e);
  h = mix(h, a.integers().size() + a.reals().size() + a.array().size());
  return hash(hash(h, a.dict()), a.dense());
}

uint64_t hash(uint64_t h, const AttrDict& dict) {
  for (auto& [key, value] : dict) h = hash(hash(h, key), value);
  return mix(h, dict.size());
}

}  // namespace cordata::ir
