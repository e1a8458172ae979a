// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "cordata/base/error.h"
#include "cordata/ir/op_table.h"

// What every row's functions are written with: attributes of an op by name, and errors that name it.
namespace cordata::ir::ops {

using Ints = std::vector<int64_t>;

std::string_view short_name(OpKind kind);             // "dot_general", "erf": without the dialect
std::string types_text(std::span<const Type> types);  // "(tensor<2x3xf32>, tensor<3xf32>)"
std::string text(std::span<const int64_t> v);         // "[1, 2]"

// Throws the user error "[ir.OP] wanted ..., got ...".
[[noreturn]] void fail(const OpView& v, const std::string& wanted, const std::string& got);
[[noreturn]] void fail_types(const OpView& v, const std::string& wanted);  // got: the operands' types

void want_operands(const OpView& v, size_t count);
void want_tensors(const OpView& v);
inline void want(const OpView& v, bool ok, const char* wanted) {
  if (!ok) fail_types(v, wanted);
}

FactorRule replicated_rule(const OpView& v);  // no factors: everything whole

// Attributes. Those without a fallback throw when absent or of another kind.
const Attribute* find(const OpView& v, std::string_view key);
int64_t integer(const OpView& v, std::string_view key);
int64_t integer(const OpView& v, std::string_view key, int64_t fallback);
bool flag(const OpView& v, std::string_view key);  // a bool or unit attribute; absent: false
Ints integers(const OpView& v, std::string_view key);
Ints integers(const OpView& v, std::string_view key, Ints fallback);
std::string word(const OpView& v, std::string_view key,
                 std::string_view fallback = "");  // of an enum attribute
const Attribute& structure(const OpView& v, std::string_view key);
Ints field(const Attribute& structure, std::string_view key);             // absent: empty
int64_t field_integer(const Attribute& structure, std::string_view key);  // absent: 0

// The integers of a dense array, a dense elements attribute or a list of integer attributes.
Ints as_integers(const Attribute& a);

bool contains(std::span<const int64_t> v, int64_t x);
// [0, n) without those in `without`.
Ints other_dims(int64_t n, std::span<const int64_t> without);
// Throws unless every dim is in [0, rank) and no dim is named twice.
void want_dims(const OpView& v, std::span<const int64_t> dims, int64_t rank, std::string_view what);

inline const Type& operand(const OpView& v, size_t i) { return v.operands[i]; }
inline DType wanted_dtype(const OpView& v, DType fallback) {
  return v.results.empty() ? fallback : v.results[0].dtype;
}

// A view of a node in a graph; `types` owns what the spans point to.
struct NodeView {
  std::vector<Type> operand_types, result_types;
  OpView view;
  NodeView(const Graph& graph, const Node& node);
  NodeView(const NodeView&) = delete;
};

// The op of a region that only applies one binary op to its two scalar arguments and returns it (either order
// for a commutative one): what `reduce`, `scatter` and friends are given. Nothing if the region is anything
// else.
std::optional<OpKind> plain_binary_region(const Graph& graph, RegionId region);

}  // namespace cordata::ir::ops
