// SPDX-License-Identifier: Apache-2.0
#include "cordata/ir/text/types.h"

#include <array>

namespace cordata::ir::text {
namespace {

// A shape's element count times the widest element must stay far from overflow in whatever is computed with
// it.
constexpr int64_t kMaxElements = int64_t{1} << 56;

std::string_view peek_name(Cursor& c) {
  c.peek();
  size_t n = 0;
  while (is_word_char(c.ahead(n))) ++n;
  return c.text().substr(std::min(c.at(), c.text().size()), n);
}

// "4x8x" of "4x8xf32"; "0x4xf32" is a zero, not a hex number.
Shape read_dims(Cursor& c) {
  Shape shape;
  int64_t elements = 1;  // leaving out zeros
  while (true) {
    char first = c.peek();
    if (first == '?' || first == '*') {
      c.fail_at(
          c.at(),
          "wanted a static shape, got a dynamic one; dynamic shapes are not supported, export the model "
          "with concrete sizes");
    }
    if (!is_digit(first)) return shape;
    size_t start = c.at();
    int64_t dim = 0;
    while (is_digit(c.ahead(0))) {
      dim = dim * 10 + (c.ahead(0) - '0');
      if (dim > kMaxElements) c.fail_at(start, "wanted a tensor of at most 2^56 elements, got a larger one");
      c.jump(c.at() + 1);
    }
    if (dim > 0 && elements > kMaxElements / dim) {
      c.fail_at(start, "wanted a tensor of at most 2^56 elements, got a larger one");
    }
    if (dim > 0) elements *= dim;
    shape.push_back(dim);
    if (c.ahead(0) != 'x') c.fail("'x' after a dimension");
    c.jump(c.at() + 1);
  }
}

Type read_tensor(Cursor& c) {
  c.expect('<');
  Type type;
  type.shape = read_dims(c);
  type.dtype = read_dtype(c);
  if (c.peek() == ',') {
    c.fail_at(c.at(),
              "wanted a plain tensor, got one with an encoding; bounded dynamic and sparse tensors are not "
              "supported");
  }
  c.expect('>');
  return type;
}

Type read_alias(Cursor& c, int depth) {
  size_t start = c.at();
  c.jump(start + 1);
  c.suffix_id();
  std::string_view name = c.text().substr(start, c.at() - start);
  if (name == "!stablehlo.token" || name == "!mhlo.token") return Type::token();
  if (name.starts_with("!quant.")) {
    c.fail_at(start, "wanted a plain type, got a quantised one; quantised types are not supported");
  }
  auto it = c.source().aliases.find(name);
  if (it == c.source().aliases.end())
    c.fail_at(start, "wanted a tensor, token or tuple type, got " + std::string(name));
  Cursor there(c.source(), it->second, 1);
  return read_type(there, depth + 1);
}

}  // namespace

std::optional<DType> dtype_named(std::string_view text) {
  for (int i = 0; i <= static_cast<int>(DType::kIndex); ++i) {
    DType t = static_cast<DType>(i);
    if (!is_complex(t) && name(t) == text) return t;
  }
  return std::nullopt;
}

DType read_dtype(Cursor& c) {
  if (c.peek() == '!') {
    if (c.accept("!quant.")) {
      c.fail_at(c.at(),
                "wanted a plain element type, got a quantised one; quantised types are not supported");
    }
    c.fail("an element type");
  }
  std::string_view word = peek_name(c);
  if (word == "f32") return c.jump(c.at() + 3), DType::kF32;  // by far the most frequent
  if (word == "complex") {
    c.jump(c.at() + word.size());
    c.expect('<');
    size_t at = c.at();
    DType part = read_dtype(c);
    c.expect('>');
    if (part == DType::kF32) return DType::kC64;
    if (part == DType::kF64) return DType::kC128;
    c.fail_at(at, "wanted complex<f32> or complex<f64>, got another complex type");
  }
  std::optional<DType> found = dtype_named(word);
  if (!found) c.fail("an element type such as f32, bf16, i32 or complex<f32>");
  c.jump(c.at() + word.size());
  return *found;
}

bool at_type(Cursor& c) {
  char first = c.peek();
  if (first == '!') return true;
  if (first != 't') return false;
  std::string_view word = peek_name(c);
  return word == "tensor" || word == "tuple";
}

Type read_type(Cursor& c, int depth) {
  Nesting nesting(c, depth);
  char first = c.peek();
  if (first == '!') return read_alias(c, depth);
  if (c.accept_word("tensor")) return read_tensor(c);
  if (c.accept_word("tuple")) {
    c.expect('<');
    Type type = Type::tuple({});
    if (c.accept('>')) return type;
    do type.elements.push_back(read_type(c, depth));
    while (c.accept(','));
    c.expect('>');
    return type;
  }
  c.fail("a tensor, token or tuple type");
}

std::vector<Type> read_types(Cursor& c) {
  std::vector<Type> types;
  do types.push_back(read_type(c));
  while (c.accept(','));
  return types;
}

std::vector<Type> read_types_in_parens(Cursor& c) {
  c.expect('(');
  if (c.accept(')')) return {};
  std::vector<Type> types = read_types(c);
  c.expect(')');
  return types;
}

std::vector<Type> read_result_types(Cursor& c) {
  if (c.peek() == '(') return read_types_in_parens(c);
  std::vector<Type> types;
  types.push_back(read_type(c));
  return types;
}

FunctionType read_function_type(Cursor& c) {
  FunctionType type;
  type.inputs = read_types_in_parens(c);
  c.expect("->");
  type.results = read_result_types(c);
  return type;
}

}  // namespace cordata::ir::text
