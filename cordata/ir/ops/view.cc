// SPDX-License-Identifier: Apache-2.0
#include "cordata/ir/ops/view.h"

#include <algorithm>

#include "cordata/ir/builder.h"

namespace cordata::ir::ops {

std::string_view short_name(OpKind kind) {
  std::string_view full = name(kind);
  return full.substr(full.find('.') + 1);
}

std::string types_text(std::span<const Type> types) {
  std::string s = "(";
  for (const Type& t : types) s += (s.size() > 1 ? ", " : "") + to_string(t);
  return s + ")";
}

std::string text(std::span<const int64_t> v) {
  std::string s = "[";
  for (int64_t x : v) s += (s.size() > 1 ? ", " : "") + std::to_string(x);
  return s + "]";
}

void fail(const OpView& v, const std::string& wanted, const std::string& got) {
  throw base::user_error("[ir.{}] wanted {}, got {}", short_name(v.kind), wanted, got);
}

void fail_types(const OpView& v, const std::string& wanted) { fail(v, wanted, types_text(v.operands)); }

void want_operands(const OpView& v, size_t count) {
  if (v.operands.size() != count) {
    fail(v, std::to_string(count) + " operands",
         std::to_string(v.operands.size()) + " " + types_text(v.operands));
  }
}

void want_tensors(const OpView& v) {
  for (const Type& t : v.operands) want(v, t.is_tensor(), "tensors");
}

FactorRule replicated_rule(const OpView& v) {
  auto whole = [](std::span<const Type> types) {
    std::vector<TensorFactors> out;
    for (const Type& t : types) out.emplace_back(t.is_tensor() ? t.shape.size() : 0);
    return out;
  };
  return {.factors = {}, .operands = whole(v.operands), .results = whole(v.results), .linear = {}};
}

const Attribute* find(const OpView& v, std::string_view key) {
  auto it = v.attrs.find(key);
  return it == v.attrs.end() ? nullptr : &it->second;
}

namespace {

const Attribute& must_find(const OpView& v, std::string_view key) {
  const Attribute* a = find(v, key);
  if (!a) fail(v, "attribute " + std::string(key), "none of that name");
  return *a;
}

bool holds_integers(const Attribute& a) {
  using Kind = Attribute::Kind;
  switch (a.kind()) {
    case Kind::kDenseArray:
      return !is_float(a.dtype());
    case Kind::kDenseElements:
      return is_integer(a.dense().type.dtype);
    case Kind::kArray:
      return std::ranges::all_of(
          a.array(), [](const Attribute& e) { return e.kind() == Kind::kInt || e.kind() == Kind::kBool; });
    default:
      return false;
  }
}

Ints integers_of(const OpView& v, std::string_view key, const Attribute& a) {
  if (!holds_integers(a)) fail(v, "a list of integers as " + std::string(key), "another kind of attribute");
  return as_integers(a);
}

}  // namespace

int64_t integer(const OpView& v, std::string_view key) {
  const Attribute& a = must_find(v, key);
  if (a.kind() != Attribute::Kind::kInt)
    fail(v, "an integer as " + std::string(key), "another kind of attribute");
  return a.integer();
}

int64_t integer(const OpView& v, std::string_view key, int64_t fallback) {
  return find(v, key) ? integer(v, key) : fallback;
}

bool flag(const OpView& v, std::string_view key) {
  const Attribute* a = find(v, key);
  return a && (a->kind() == Attribute::Kind::kUnit || a->integer() != 0);
}

Ints integers(const OpView& v, std::string_view key) { return integers_of(v, key, must_find(v, key)); }

Ints integers(const OpView& v, std::string_view key, Ints fallback) {
  const Attribute* a = find(v, key);
  return a ? integers_of(v, key, *a) : std::move(fallback);
}

std::string word(const OpView& v, std::string_view key, std::string_view fallback) {
  const Attribute* a = find(v, key);
  return a ? a->word() : std::string(fallback);
}

const Attribute& structure(const OpView& v, std::string_view key) {
  const Attribute& a = must_find(v, key);
  if (a.kind() != Attribute::Kind::kStruct)
    fail(v, "a structure as " + std::string(key), "another kind of attribute");
  return a;
}

Ints field(const Attribute& structure, std::string_view key) {
  auto it = structure.dict().find(key);
  return it == structure.dict().end() ? Ints{} : as_integers(it->second);
}

int64_t field_integer(const Attribute& structure, std::string_view key) {
  auto it = structure.dict().find(key);
  return it == structure.dict().end() ? 0 : it->second.integer();
}

Ints as_integers(const Attribute& a) {
  if (a.kind() == Attribute::Kind::kDenseArray) return {a.integers().begin(), a.integers().end()};
  Ints out;
  if (a.kind() == Attribute::Kind::kArray) {
    for (const Attribute& e : a.array()) out.push_back(e.integer());
  } else if (a.kind() == Attribute::Kind::kDenseElements) {
    out.resize(a.dense().type.num_elements());
    for (size_t i = 0; i < out.size(); ++i) out[i] = static_cast<int64_t>(element(a.dense(), i));
  }
  return out;
}

bool contains(std::span<const int64_t> v, int64_t x) { return std::ranges::find(v, x) != v.end(); }

Ints other_dims(int64_t n, std::span<const int64_t> without) {
  Ints out;
  for (int64_t i = 0; i < n; ++i) {
    if (!contains(without, i)) out.push_back(i);
  }
  return out;
}

void want_dims(const OpView& v, std::span<const int64_t> dims, int64_t rank, std::string_view what) {
  for (size_t i = 0; i < dims.size(); ++i) {
    bool twice = contains(dims.first(i), dims[i]);
    if (dims[i] < 0 || dims[i] >= rank || twice) {
      fail(v, fmt::format("distinct {} below {}", what, rank), text(dims));
    }
  }
}

NodeView::NodeView(const Graph& graph, const Node& node)
    : view{.kind = node.kind,
           .operands = {},
           .results = {},
           .attrs = node.attrs,
           .graph = &graph,
           .regions = node.regions,
           .node = &node} {
  for (ValueId o : node.operands) operand_types.push_back(graph.type(o));
  for (int i = 0; i < node.num_results; ++i) result_types.push_back(graph.type(node.result(i)));
  view.operands = operand_types;
  view.results = result_types;
}

std::optional<OpKind> plain_binary_region(const Graph& graph, RegionId region) {
  const Region& r = graph.region(region);
  if (r.args.size() != 2 || r.nodes.size() != 1 || r.results.size() != 1) return std::nullopt;
  const Node& n = graph.node(r.nodes[0]);
  if (n.num_results != 1 || n.result() != r.results[0] || n.operands.size() != 2) return std::nullopt;
  bool straight = n.operands[0] == r.args[0] && n.operands[1] == r.args[1];
  bool crossed = n.operands[0] == r.args[1] && n.operands[1] == r.args[0];
  if (!straight && !crossed) return std::nullopt;
  switch (n.kind) {
    case OpKind::kAdd:
    case OpKind::kMultiply:
    case OpKind::kMaximum:
    case OpKind::kMinimum:
    case OpKind::kAnd:
    case OpKind::kOr:
    case OpKind::kXor:
      return n.kind;
    default:
      return std::nullopt;
  }
}

}  // namespace cordata::ir::ops
