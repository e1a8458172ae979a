// SPDX-License-Identifier: Apache-2.0
#include "cordata/ir/checks.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>
#include <limits>
#include <optional>
#include <unordered_map>

#include "cordata/base/error.h"
#include "cordata/ir/builder.h"
#include "cordata/ir/minifloat.h"

namespace cordata::ir {
namespace {

using base::user_error;

struct Row {
  std::string_view target;
  std::optional<Check::Kind> kind;  // none: by the element type
};

// `check.eq` is what older modules call, with the tolerance of its time.
constexpr Row kRows[] = {
    {"check.eq", std::nullopt},
    {"check.expect_almost_eq", Check::Kind::kAlmost},
    {"check.expect_almost_eq_const", Check::Kind::kAlmost},
    {"check.expect_close", Check::Kind::kClose},
    {"check.expect_eq", Check::Kind::kEqual},
    {"check.expect_eq_const", Check::Kind::kEqual},
};

std::string_view target_of(const Node& node) {
  if (node.kind != OpKind::kCustomCall) return "";
  const Attribute* target = Graph::find_attr(node, "call_target_name");
  return target ? std::string_view(target->text()) : "";
}

bool is_check(const Node& node) { return target_of(node).starts_with("check."); }

// What a check of the ..._const kind expects; null for the others.
const DenseElements* constant_of(const Node& node) {
  if (!target_of(node).ends_with("_const")) return nullptr;
  const Attribute* value = Graph::find_attr(node, "value");
  return value && value->kind() == Attribute::Kind::kDenseElements ? &value->dense() : nullptr;
}

Check check_of(const Graph& graph, const Node& node) {
  std::string_view target = target_of(node);
  const Row* row = nullptr;
  for (const Row& r : kRows) {
    if (r.target == target) row = &r;
  }
  if (!row) {
    throw user_error(
        "[ir.checks] wanted check.expect_eq, check.expect_almost_eq or check.expect_close, got {} (line {})",
        target, node.line);
  }
  const DenseElements* constant = constant_of(node);
  if (node.operands.size() != (constant ? 1 : 2) ||
      graph.type(node.operands[0]) != (constant ? constant->type : graph.type(node.operands[1]))) {
    throw user_error("[ir.checks] wanted two tensors of one type for {}, got others (line {})", target,
                     node.line);
  }
  Check check;
  check.type = graph.type(node.operands[0]);
  check.line = node.line;
  bool has_fraction = is_float(check.type.dtype) || is_complex(check.type.dtype);
  check.kind = row->kind.value_or(has_fraction ? Check::Kind::kAlmost : Check::Kind::kEqual);
  if (!row->kind) check.tolerance = 1e-4;
  if (check.kind != Check::Kind::kEqual && !has_fraction) {
    throw user_error("[ir.checks] wanted floating point or complex operands for {}, got {} (line {})", target,
                     to_string(check.type), node.line);
  }
  if (const Attribute* a = Graph::find_attr(node, "tolerance")) check.tolerance = a->real();
  if (const Attribute* a = Graph::find_attr(node, "min_ulp_difference")) check.min_ulps = a->integer();
  if (const Attribute* a = Graph::find_attr(node, "max_ulp_difference")) check.max_ulps = a->integer();
  return check;
}

}  // namespace

std::string_view name(Check::Kind kind) {
  switch (kind) {
    case Check::Kind::kAlmost:
      return "expect_almost_eq";
    case Check::Kind::kClose:
      return "expect_close";
    case Check::Kind::kEqual:
      break;
  }
  return "expect_eq";
}

CheckedGraph strip_checks(const Graph& graph) {
  GraphBuilder builder(graph.name());
  builder.set_module_attrs(graph.module_attrs());
  std::vector<ValueId> map(graph.num_values());
  for (size_t i = 0; i < graph.args().size(); ++i) {
    const Value v = graph.value(graph.args()[i]);
    map[graph.args()[i].index] =
        builder.arg(v.type, v.name, i < graph.arg_attrs().size() ? graph.arg_attrs()[i] : AttrDict());
  }
  CheckedGraph out;
  std::vector<const Node*> checks;
  for (NodeId id : graph.ops()) {
    const Node& node = graph.node(id);
    if (is_check(node)) {
      checks.push_back(&node);
      continue;
    }
    for (ValueId v : node.operands) {
      if (!map[v.index].valid()) {
        throw user_error("[ir.checks] wanted the result of a check only returned, got it used in line {}",
                         node.line);
      }
    }
    builder.clone(graph, id, map);
  }
  for (int i = 0; i < graph.num_nodes(); ++i) {
    const Node& node = graph.node(NodeId(i));
    if (is_check(node) && std::ranges::find(checks, &node) == checks.end()) {
      throw user_error(
          "[ir.checks] wanted checks outside of regions (while, case, ...), got one inside in line {}",
          node.line);
    }
  }

  std::vector<ValueId> results;
  std::vector<AttrDict> attrs;
  std::unordered_map<ValueId, int> place;
  for (size_t i = 0; i < graph.results().size(); ++i) {
    ValueId v = map[graph.results()[i].index];
    if (!v.valid()) continue;  // what a check returned
    place.try_emplace(v, static_cast<int>(results.size()));
    results.push_back(v);
    attrs.push_back(i < graph.result_attrs().size() ? graph.result_attrs()[i] : AttrDict());
  }
  auto result = [&](ValueId v) {
    auto [it, fresh] = place.try_emplace(v, static_cast<int>(results.size()));
    if (fresh) {
      results.push_back(v);
      attrs.emplace_back();
    }
    return it->second;
  };
  for (const Node* node : checks) {
    Check check = check_of(graph, *node);
    const DenseElements* constant = constant_of(*node);
    check.actual = result(map[node->operands[0].index]);
    check.expected = result(constant ? builder.constant(*constant) : map[node->operands[1].index]);
    out.checks.push_back(std::move(check));
  }
  out.graph = builder.finish(std::move(results), std::move(attrs));
  return out;
}

namespace {

// The bits of one float, and what they mean.
struct Float {
  DType dtype;
  uint64_t bits = 0;

  double value() const { return dtype == DType::kF64 ? std::bit_cast<double>(bits) : from_bits(bits, dtype); }
  bool negative() const { return std::signbit(value()); }
};

bool equal(const Float& a, const Float& b) {
  double x = a.value(), y = b.value();
  return x == y || (std::isnan(x) && std::isnan(y));
}

bool almost_equal(const Float& a, const Float& b, double tolerance) {
  if (equal(a, b)) return true;
  double x = a.value(), y = b.value();
  if (!std::isfinite(x) || !std::isfinite(y) || std::signbit(x) != std::signbit(y)) return false;
  return std::abs(x - y) <= tolerance;
}

// How many steps from one representable value to the next lie between two; both zeros are one place.
// Infinitely many (the largest number) where only one is finite.
uint64_t ulps(const Float& a, const Float& b) {
  if (a.bits == b.bits) return 0;
  double x = a.value(), y = b.value();
  if (std::isnan(x) && std::isnan(y)) return 0;
  if (!std::isfinite(x) || !std::isfinite(y)) return std::numeric_limits<uint64_t>::max();
  uint64_t sign = uint64_t{1} << (bits(a.dtype) - 1);
  if (a.dtype == DType::kF8E8M0FNU) sign = 0;  // has none
  uint64_t from_zero_a = a.bits & ~sign, from_zero_b = b.bits & ~sign;
  if (a.negative() != b.negative()) return from_zero_a + from_zero_b;
  return from_zero_a > from_zero_b ? from_zero_a - from_zero_b : from_zero_b - from_zero_a;
}

bool holds(const Check& check, const Float& a, const Float& b) {
  switch (check.kind) {
    case Check::Kind::kEqual:
      return equal(a, b);
    case Check::Kind::kAlmost:
      return almost_equal(a, b, check.tolerance);
    case Check::Kind::kClose:
      break;
  }
  uint64_t apart = ulps(a, b);
  return check.min_ulps <= apart && apart <= check.max_ulps;
}

// One element as its parts: one, or the real and the imaginary one.
struct Element {
  DType dtype;
  const std::byte* at;

  DType part() const {
    return dtype == DType::kC64 ? DType::kF32 : dtype == DType::kC128 ? DType::kF64 : dtype;
  }
  int parts() const { return is_complex(dtype) ? 2 : 1; }
  Float get(int i) const {
    Float f{part(), 0};
    size_t size = bytes_per_element(part());
    std::memcpy(&f.bits, at + i * size, size);
    return f;
  }
  uint64_t integer() const { return get(0).bits; }
};

std::string to_string(const Element& e) {
  if (is_complex(e.dtype)) return fmt::format("({}, {})", e.get(0).value(), e.get(1).value());
  if (is_float(e.dtype)) return fmt::format("{}", e.get(0).value());
  if (is_unsigned(e.dtype) || e.dtype == DType::kI1) return fmt::format("{}", e.integer());
  int unused = static_cast<int>(64 - 8 * bytes_per_element(e.dtype));
  return fmt::format("{}", static_cast<int64_t>(e.integer() << unused) >> unused);
}

bool holds(const Check& check, const Element& a, const Element& b) {
  if (is_integer(a.dtype)) {
    // Of a 2- or 4-bit integer only its own bits count: devices fill the rest of the byte as they like.
    uint64_t mask = ~uint64_t{0} >> (64 - bits(a.dtype));
    return ((a.integer() ^ b.integer()) & mask) == 0;
  }
  if (check.kind == Check::Kind::kClose && a.parts() == 2) {
    uint64_t apart = std::max(ulps(a.get(0), b.get(0)), ulps(a.get(1), b.get(1)));
    return check.min_ulps <= apart && apart <= check.max_ulps;
  }
  for (int i = 0; i < a.parts(); ++i) {
    if (!holds(check, a.get(i), b.get(i))) return false;
  }
  return true;
}

std::string index_text(const Shape& shape, int64_t flat) {
  Shape index(shape.size());
  for (size_t d = shape.size(); d-- > 0; flat /= shape[d]) index[d] = flat % shape[d];
  return fmt::format("[{}]", fmt::join(index, ", "));
}

}  // namespace

std::string evaluate(const Check& check, std::span<const std::byte> actual,
                     std::span<const std::byte> expected) {
  int64_t count = check.type.num_elements(), size = bytes_per_element(check.type.dtype);
  if (static_cast<int64_t>(actual.size()) != count * size || actual.size() != expected.size()) {
    throw base::internal_error("[ir.checks] wanted {} bytes on both sides, got {} and {}", count * size,
                               actual.size(), expected.size());
  }
  int64_t differ = 0;
  std::string first;
  for (int64_t i = 0; i < count; ++i) {
    Element a{check.type.dtype, actual.data() + i * size}, b{check.type.dtype, expected.data() + i * size};
    if (holds(check, a, b)) continue;
    if (++differ == 1) {
      first =
          fmt::format("at {}: {} instead of {}", index_text(check.type.shape, i), to_string(a), to_string(b));
      if (check.kind == Check::Kind::kClose && a.parts() == 1)
        first += fmt::format(" ({} ULP)", ulps(a.get(0), b.get(0)));
    }
  }
  if (differ == 0) return "";
  return fmt::format("{}; {} of {} elements differ", first, differ, count);
}

}  // namespace cordata::ir
