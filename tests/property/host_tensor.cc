// SPDX-License-Identifier: Apache-2.0
#include "tests/property/host_tensor.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstring>

#include "cordata/base/error.h"
#include "cordata/ir/minifloat.h"

namespace cordata::property {
namespace {

using ir::ReduceKind;
using sharding::Mesh;
using sharding::Sharding;

template <typename F>
void with_element_type(DType t, F f) {
  switch (t) {
    case DType::kI1:
    case DType::kUI8:
      return f(uint8_t{});
    case DType::kI8:
      return f(int8_t{});
    case DType::kI16:
      return f(int16_t{});
    case DType::kI32:
      return f(int32_t{});
    case DType::kI64:
      return f(int64_t{});
    case DType::kUI32:
      return f(uint32_t{});
    case DType::kUI64:
      return f(uint64_t{});
    case DType::kF32:
    case DType::kC64:
      return f(float{});
    case DType::kF64:
    case DType::kC128:
      return f(double{});
    default:
      throw base::internal_error("[tests] wanted an element type that property tests know, got {}",
                                 ir::name(t));
  }
}

HostTensor block(const HostTensor& whole, const Sharding& s, const Mesh& mesh, int64_t device) {
  HostTensor out{sharding::local_type(whole.type, s, mesh), {}};
  std::vector<int64_t> start = sharding::block_start(whole.type, s, mesh, device);
  int64_t rank = whole.type.rank(), n = out.type.num_elements();
  for (int64_t i = 0; i < n; ++i) {
    int64_t from = 0, left = i, block_size = n;
    for (int64_t d = 0; d < rank; ++d) {
      block_size /= out.type.shape[d];
      from = from * whole.type.shape[d] + start[d] + left / block_size;
      left %= block_size;
    }
    for (int p = 0; p < whole.parts(); ++p) out.values.push_back(whole.values[from * whole.parts() + p]);
  }
  return out;
}

// The devices that hold the summands which `device` holds one of, by position.
std::vector<int> summands_of(const Sharding& s, const Mesh& mesh, int device) {
  uint32_t axes = 0;
  for (int a = 0; a < mesh.num_axes(); ++a) axes |= sharding::is_partial(s.at[a]) ? 1u << a : 0u;
  if (!axes) return {device};
  for (const auto& group : mesh.groups(axes)) {
    if (std::ranges::find(group, device) != group.end()) return group;
  }
  return {};
}

double join(ReduceKind kind, double a, double b) {
  switch (kind) {
    case ReduceKind::kAdd:
      return a + b;
    case ReduceKind::kMax:
      return std::max(a, b);
    case ReduceKind::kMin:
      return std::min(a, b);
    case ReduceKind::kMul:
      return a * b;
    case ReduceKind::kAnd:
      return static_cast<double>(static_cast<int64_t>(a) & static_cast<int64_t>(b));
    case ReduceKind::kOr:
      return static_cast<double>(static_cast<int64_t>(a) | static_cast<int64_t>(b));
  }
  return 0;
}

double tolerance(const HostTensor& t) {
  if (ir::is_integer(t.type.dtype)) return 0;
  double scale = 1;
  for (double v : t.values) scale = std::isfinite(v) ? std::max(scale, std::abs(v)) : scale;
  return scale * (t.type.dtype == DType::kF64 || t.type.dtype == DType::kC128 ? 1e-9
                  : t.type.dtype == DType::kBF16                              ? 1e-2
                                                                              : 1e-5);
}

}  // namespace

HostTensor random_tensor(Draw& d, const Type& type, const Range& range) {
  HostTensor t{type, {}};
  t.values.resize(type.num_elements() * t.parts());
  for (double& v : t.values) {
    v = range.whole ? static_cast<double>(d.pick(std::lround(range.low), std::lround(range.high)))
                    : d.real(range.low, range.high);
  }
  return t;
}

std::vector<std::byte> to_bytes(const HostTensor& t) {
  std::vector<std::byte> out(t.type.num_bytes());
  if (t.type.dtype == DType::kBF16) {
    for (size_t i = 0; i < t.values.size(); ++i) {
      auto bits = static_cast<uint16_t>(ir::to_bits(t.values[i], DType::kBF16));
      std::memcpy(out.data() + 2 * i, &bits, 2);
    }
    return out;
  }
  with_element_type(t.type.dtype, [&](auto zero) {
    for (size_t i = 0; i < t.values.size(); ++i) {
      auto v = static_cast<decltype(zero)>(t.values[i]);
      std::memcpy(out.data() + i * sizeof v, &v, sizeof v);
    }
  });
  return out;
}

HostTensor from_bytes(const Type& type, const std::vector<std::byte>& bytes) {
  HostTensor t{type, {}};
  t.values.resize(type.num_elements() * t.parts());
  if (type.dtype == DType::kBF16) {
    for (size_t i = 0; i < t.values.size(); ++i) {
      uint16_t bits = 0;
      std::memcpy(&bits, bytes.data() + 2 * i, 2);
      t.values[i] = ir::from_bits(bits, DType::kBF16);
    }
    return t;
  }
  with_element_type(type.dtype, [&](auto v) {
    for (size_t i = 0; i < t.values.size(); ++i) {
      std::memcpy(&v, bytes.data() + i * sizeof v, sizeof v);
      t.values[i] = static_cast<double>(v);
    }
  });
  return t;
}

// Whole summands first: devices that differ only on axes where the tensor is not partial hold blocks of the
// same one.
std::vector<HostTensor> distribute(Draw& d, const HostTensor& whole, const Sharding& s, const Mesh& mesh) {
  std::vector<HostTensor> summands(summands_of(s, mesh, 0).size(), whole);
  for (size_t k = 0; k + 1 < summands.size(); ++k) {
    for (size_t i = 0; i < whole.values.size(); ++i) {
      summands.back().values[i] -= summands[k].values[i] = static_cast<double>(d.pick(-3, 3));
    }
  }
  std::vector<HostTensor> parts;
  for (int device = 0; device < mesh.size(); ++device) {
    std::vector<int> group = summands_of(s, mesh, device);
    parts.push_back(block(summands[std::ranges::find(group, device) - group.begin()], s, mesh, device));
  }
  return parts;
}

std::optional<std::string> difference(const std::vector<HostTensor>& parts, const HostTensor& whole,
                                      const Sharding& s, const Mesh& mesh) {
  ReduceKind kind = ReduceKind::kAdd;
  for (sharding::Placement p : s.at) kind = sharding::is_partial(p) ? sharding::reduce_kind(p) : kind;
  double allowed = tolerance(whole);
  for (int device = 0; device < mesh.size(); ++device) {
    HostTensor wanted = block(whole, s, mesh, device);
    std::vector<int> group = summands_of(s, mesh, device);
    for (size_t i = 0; i < wanted.values.size(); ++i) {
      double got = parts[group[0]].values[i], want = wanted.values[i];
      for (size_t k = 1; k < group.size(); ++k) got = join(kind, got, parts[group[k]].values[i]);
      if (got == want || (std::isnan(got) && std::isnan(want)) || std::abs(got - want) <= allowed) continue;
      return fmt::format("wanted {} at element {} of device {}'s block, got {}", want, i, device, got);
    }
  }
  return std::nullopt;
}

}  // namespace cordata::property
